/* A scheduler in C: an event loop that places arriving jobs and releases those that end.
 *
 * scheduler [JOBS [NODES]]: arrivals and run times are drawn from a fixed seed; a heap orders the ends. Jobs that do
 * not fit wait in a queue, and are tried again, oldest first, when something ends. All of them are placed in the
 * end, and the cluster is as it was. Prints one line of figures; exits with 1 when anything is wrong. */
#include <hal.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(call)                                                                     \
    do {                                                                                \
        if ((call) != HAL_OK) {                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, hal_last_error());       \
            exit(1);                                                                    \
        }                                                                               \
    } while (0)

/* ---- a min-heap of ends ------------------------------------------------------------------------------------ */

typedef struct {
    uint64_t time;
    int64_t job;
} end_event;
typedef struct {
    end_event *items;
    size_t count, room;
} heap;

static void *grown(void *items, size_t bytes) {
    void *more = realloc(items, bytes);
    if (!more) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return more;
}

static void push(heap *h, end_event event) {
    if (h->count == h->room) {
        h->room = h->room ? 2 * h->room : 1024;
        h->items = grown(h->items, h->room * sizeof *h->items);
    }
    size_t i = h->count++;
    for (; i && h->items[(i - 1) / 2].time > event.time; i = (i - 1) / 2) h->items[i] = h->items[(i - 1) / 2];
    h->items[i] = event;
}

static end_event pop(heap *h) {
    const end_event first = h->items[0], last = h->items[--h->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && h->items[child + 1].time < h->items[child].time) ++child;
        if (h->items[child].time >= last.time) break;
        h->items[i] = h->items[child];
    }
    if (h->count) h->items[i] = last;
    return first;
}

/* ---- a scorer of our own: packs by memory, counts its calls -------------------------------------------------- */

typedef struct {
    uint64_t calls, nodes;
    int released;
} tally;

static int fullest_memory(const hal_batch *batch, double *scores, void *data) {
    tally *seen = data;
    const hal_columns *c = batch->columns;
    const int64_t largest = c->capacity_max[HAL_MEMORY];
    ++seen->calls;
    seen->nodes += batch->n_candidates;
    for (size_t i = 0; i < batch->n_candidates; ++i)
        scores[i] = largest ? 1 - (double)c->free[HAL_MEMORY][batch->nodes[i]] / (double)largest : 0;
    return 0;
}

static void forget(void *data) {
    ((tally *)data)->released = 1;
}

/* ---- the event loop -------------------------------------------------------------------------------------------- */

static uint64_t drawn(uint64_t *state) { /* splitmix64 */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

enum { SHAPES = 8 };

/* The id of the job when it was placed, else -1. */
static int64_t try_to_place(hal_cluster *cluster, const hal_policy *policy, const hal_shape *shape) {
    const hal_job job = {.size = sizeof job, .shape = shape, .tasks = 1};
    hal_placements *placements = NULL;
    hal_placement_columns answer = {.size = sizeof answer};
    CHECK(hal_place(cluster, policy, &job, 1, HAL_APPLY, &placements));
    CHECK(hal_placements_get(placements, &answer));
    const int64_t id = answer.id[0];
    if (answer.status[0] == HAL_INFEASIBLE) {
        fputs("a job fits on no node of this cluster\n", stderr);
        exit(1);
    }
    hal_placements_free(placements);
    return id;
}

int main(int argc, char **argv) {
    const uint64_t jobs = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const size_t nodes = argc > 2 ? (size_t)strtoull(argv[2], NULL, 10) : 100;
    if (hal_abi_version_min() > HAL_ABI_VERSION || hal_abi_version() < HAL_ABI_VERSION) {
        fputs("this libhal does not serve the hal.h that the program was built with\n", stderr);
        return 1;
    }

    int64_t *cpu = calloc(nodes, sizeof *cpu), *memory = calloc(nodes, sizeof *memory);
    int32_t *gpus = calloc(nodes, sizeof *gpus);
    if (!cpu || !memory || !gpus) return 1;
    for (size_t i = 0; i < nodes; ++i) {
        cpu[i] = 64000;
        memory[i] = 262144;
        gpus[i] = i % 4 ? 0 : 8;
    }
    const char *model = "A100";
    const hal_node_columns columns = {.size = sizeof columns,
                                      .n_nodes = nodes,
                                      .cpu = cpu,
                                      .memory = memory,
                                      .gpu_count = gpus,
                                      .models = &model,
                                      .n_models = 1};
    hal_cluster *cluster = NULL;
    CHECK(hal_cluster_new(&cluster));
    CHECK(hal_cluster_add_columns(cluster, &columns));
    free(cpu), free(memory), free(gpus);

    hal_shape *shapes[SHAPES];
    for (int s = 0; s < SHAPES; ++s) {
        const int gpu = s >= SHAPES - 2;
        const hal_shape_spec spec = {.size = sizeof spec,
                                     .cpu = 1000 + 1000 * s,
                                     .memory = 2048 << s % 4,
                                     .gpus = gpu,
                                     .gpu_milli = gpu ? 500 * (s - SHAPES + 3) : 0};
        CHECK(hal_shape_new(&spec, &shapes[s]));
    }

    tally seen = {0, 0, 0};
    const hal_scorer own = {sizeof own, HAL_ABI_VERSION, HAL_SCOPE_NODE, "fullest_memory", fullest_memory,
                            &seen,      forget};
    hal_policy *policy = NULL;
    CHECK(hal_policy_new(NULL, &policy));
    CHECK(hal_policy_add_named(policy, "best_fit", 1.0, NULL, 0));
    CHECK(hal_policy_add_scorer(policy, &own, 0.5));

    uint64_t empty = 0, digest = 0, state = 42, now = 0, arrived = 0, placed = 0, most = 0;
    CHECK(hal_cluster_digest(cluster, &empty));
    heap ends = {0};
    /* Waiting jobs, a shape each: first in, first out. */
    unsigned char *waiting = NULL;
    size_t first = 0, count = 0, room = 0;
    while (arrived < jobs || ends.count || first < count) {
        if (arrived < jobs && (!ends.count || ends.items[0].time > now)) {
            if (count == room) {
                room = room ? 2 * room : 1024;
                waiting = grown(waiting, room);
            }
            waiting[count++] = (unsigned char)(drawn(&state) % SHAPES);
            ++arrived;
            ++now;
        } else if (ends.count) {
            const end_event end = pop(&ends);
            if (end.time > now) now = end.time;
            CHECK(hal_release(cluster, &end.job, 1));
        }
        while (first < count) {
            const int64_t id = try_to_place(cluster, policy, shapes[waiting[first]]);
            if (id < 0) break;
            ++first;
            ++placed;
            push(&ends, (end_event){now + 1 + drawn(&state) % 2000, id});
            if (ends.count > most) most = ends.count;
        }
    }
    CHECK(hal_cluster_digest(cluster, &digest));
    hal_cluster_info info = {.size = sizeof info};
    CHECK(hal_cluster_get_info(cluster, &info));
    printf("placed and released %" PRIu64 " jobs on %" PRIu64 " nodes, %" PRIu64 " at once at most; own scorer: %" PRIu64
           " calls, %" PRIu64 " nodes\n",
           placed, info.n_nodes, most, seen.calls, seen.nodes);

    for (int s = 0; s < SHAPES; ++s) hal_shape_free(shapes[s]);
    hal_policy_free(policy);
    hal_cluster_free(cluster);
    free(waiting);
    free(ends.items);
    const int right = placed == jobs && info.n_jobs == 0 && seen.released && digest == empty;
    if (!right) fputs("the cluster is not as it was\n", stderr);
    return !right;
}
