/* The C interface from C11: what it answers, and (test_misuse.c) that misuse is an error and never a crash. Exits with
 * 1 when anything is wrong. Built as strict C11, and by ASan's lane with the sanitizer. */
#include <math.h>

#include "check.h"

int wrong = 0;

static void placing(void) {
    hal_cluster *cluster = small(), *fork = NULL;
    hal_policy *best = policy("best_fit");
    hal_shape *four = shape(4000, 100);
    const hal_job jobs[3] = {{.size = sizeof(hal_job), .name = "one", .shape = four, .tasks = 1},
                             {.size = sizeof(hal_job), .name = "two", .shape = four, .tasks = 2},
                             {.size = sizeof(hal_job), .name = "three", .shape = four, .tasks = 1}};
    hal_placements *placements = NULL;
    hal_placement_columns answer = {.size = sizeof answer};
    const uint64_t before = digest(cluster);
    OK(hal_place(cluster, best, jobs, 3, 0, &placements));
    EXPECT(digest(cluster) == before);
    OK(hal_placements_get(placements, &answer));
    EXPECT(answer.size == sizeof answer && answer.n_jobs == 3 && answer.n_tasks == 4);
    EXPECT(answer.status[0] == HAL_PLACED && answer.status[1] == HAL_PLACED);
    EXPECT(answer.status[2] == HAL_UNSCHEDULABLE && answer.node[3] == -1);
    EXPECT(answer.node[0] == 1 && answer.node[1] == 0 && answer.node[2] == 0);
    EXPECT(answer.task_begin[3] == 4 && answer.id == NULL);

    OK(hal_cluster_fork(cluster, &fork));
    FAILS(hal_apply(fork, placements), HAL_ERROR_ARGUMENT, "another cluster");
    OK(hal_apply(cluster, placements));
    FAILS(hal_apply(cluster, placements), HAL_ERROR_MODEL, "applied already");
    OK(hal_placements_get(placements, &answer));
    EXPECT(answer.id != NULL && answer.id[0] >= 0 && answer.id[2] == -1);
    EXPECT(digest(cluster) != before && digest(fork) == before);
    FAILS(hal_place(cluster, best, jobs, 1, HAL_APPLY, NULL), HAL_ERROR_MODEL, "runs already");

    hal_cluster_info info = {.size = sizeof info};
    OK(hal_cluster_get_info(cluster, &info));
    EXPECT(info.n_nodes == 3 && info.n_slots == 3 && info.n_jobs == 2);
    const int64_t twice[2] = {answer.id[0], answer.id[0]}, none = 99, below = -1, beyond = INT64_MAX;
    FAILS(hal_release(cluster, twice, 2), HAL_ERROR_MODEL, "given twice");
    FAILS(hal_release(cluster, &none, 1), HAL_ERROR_MODEL, "no running job");
    FAILS(hal_release(cluster, &below, 1), HAL_ERROR_MODEL, "no running job");
    FAILS(hal_release(cluster, &beyond, 1), HAL_ERROR_MODEL, "no running job");
    FAILS(hal_release_named(cluster, "three"), HAL_ERROR_MODEL, "not placed");
    OK(hal_release(cluster, answer.id, 1));
    OK(hal_release_named(cluster, "two"));
    OK(hal_release(cluster, NULL, 0));
    EXPECT(digest(cluster) == before);

    /* An applied result nobody asks for; a job that can never fit; and why. */
    OK(hal_place(cluster, best, jobs, 1, HAL_APPLY, NULL));
    OK(hal_release_named(cluster, "one"));
    hal_shape *huge = shape(64000, 0);
    const hal_job never = {.size = sizeof never, .name = "never", .shape = huge, .tasks = 1};
    hal_explanation *why = NULL;
    hal_explanation_columns told = {.size = sizeof told};
    OK(hal_explain(cluster, best, &never, 5, &why));
    OK(hal_explanation_get(why, &told));
    EXPECT(told.status == HAL_INFEASIBLE && told.n_nodes == 3 && told.n_feasible == 0 && told.n_top == 0);
    EXPECT(told.n_reasons == 2 && strcmp(told.reasons[0], "insufficient cpu") == 0 && told.rejected[0] == 2);
    hal_explanation_free(why);
    OK(hal_explain(cluster, best, &jobs[0], 1, &why));
    OK(hal_explanation_get(why, &told));
    EXPECT(told.status == HAL_PLACED && told.n_feasible == 2 && told.n_top == 1 && told.top_node[0] == 1);
    hal_explanation_free(why);
    FAILS(hal_explain(cluster, best, NULL, 5, &why), HAL_ERROR_ARGUMENT, "job: is NULL");

    hal_shape_free(huge);
    hal_shape_free(four);
    hal_placements_free(placements);
    hal_policy_free(best);
    hal_cluster_free(fork);
    hal_cluster_free(cluster);
}

static void nodes(void) {
    hal_cluster *cluster = small();
    uint32_t id = 99;
    const char *name = NULL;
    OK(hal_cluster_find_node(cluster, "b", &id));
    EXPECT(id == 1);
    OK(hal_cluster_node_name(cluster, 2, &name));
    EXPECT(strcmp(name, "c") == 0);
    FAILS(hal_cluster_node_name(cluster, 3, &name), HAL_ERROR_MODEL, "no node id");
    FAILS(hal_cluster_find_node(cluster, "z", &id), HAL_ERROR_MODEL, "no such node");
    hal_columns columns = {.size = sizeof columns};
    OK(hal_cluster_get_columns(cluster, &columns));
    EXPECT(columns.n_nodes == 3 && columns.n_resources == 3 && columns.free[HAL_CPU][0] == 8000);
    EXPECT(strcmp(columns.resource_names[2], "fpga") == 0 && columns.capacity[2][2] == 2);
    EXPECT(columns.capacity_max[HAL_MEMORY] == 1000 && columns.gpu_count_max == 2 && columns.gpu_idle[0] == 2);

    const hal_node larger = {.size = sizeof larger, .name = "b", .cpu = 16000, .memory = 500};
    OK(hal_cluster_update_node(cluster, &larger));
    OK(hal_cluster_get_columns(cluster, &columns));
    EXPECT(columns.capacity_max[HAL_CPU] == 16000);
    const hal_node unknown = {.size = sizeof unknown, .name = "z", .cpu = 16000, .memory = 500};
    FAILS(hal_cluster_update_node(cluster, &unknown), HAL_ERROR_MODEL, "'z'");

    hal_policy *first = policy("first_fit");
    hal_shape *one = shape(1000, 1);
    const hal_job job = {.size = sizeof job, .name = "j", .shape = one, .tasks = 1};
    OK(hal_place(cluster, first, &job, 1, HAL_APPLY, NULL));
    size_t evicted = 7;
    FAILS(hal_cluster_remove_node(cluster, "a", 0, &evicted), HAL_ERROR_MODEL, "tasks run there");
    OK(hal_cluster_remove_node(cluster, "a", 1, &evicted));
    EXPECT(evicted == 1);
    OK(hal_cluster_remove_node(cluster, "c", 0, NULL));
    FAILS(hal_cluster_remove_node(cluster, "c", 0, NULL), HAL_ERROR_MODEL, "no such node");

    /* All or none. */
    const hal_node pair[2] = {{.size = sizeof(hal_node), .name = "new", .cpu = 1, .memory = 1},
                              {.size = sizeof(hal_node), .name = "new", .cpu = 1, .memory = 1}};
    FAILS(hal_cluster_add_nodes(cluster, pair, 2), HAL_ERROR_MODEL, "given twice");
    FAILS(hal_cluster_find_node(cluster, "new", &id), HAL_ERROR_MODEL, "no such node");
    const hal_node negative = {.size = sizeof negative, .name = "new", .cpu = -1};
    FAILS(hal_cluster_add_nodes(cluster, &negative, 1), HAL_ERROR_MODEL, "-1");
    OK(hal_cluster_add_nodes(cluster, NULL, 0));
    hal_shape_free(one);
    hal_policy_free(first);
    hal_cluster_free(cluster);
}

static void selecting(void) {
    hal_cluster *cluster = small();
    hal_policy *first = policy("first_fit");
    const char *values[1] = {"a"};
    const hal_requirement in_a = {.size = sizeof in_a, .key = "zone", .values = values, .n_values = 1, .op = HAL_IN};
    const hal_toleration team = {.size = sizeof team, .key = "team", .exists = 1, .effect = HAL_ANY_EFFECT};
    const hal_amount fpga = {sizeof fpga, "fpga", 1};
    const char *models[1] = {"A"};
    const hal_shape_spec specs[3] = {
        {.size = sizeof(hal_shape_spec), .cpu = 1, .selector = &in_a, .n_selector = 1},
        {.size = sizeof(hal_shape_spec), .cpu = 1, .tolerations = &team, .n_tolerations = 1, .extended = &fpga,
         .n_extended = 1},
        {.size = sizeof(hal_shape_spec), .gpus = 1, .gpu_milli = 300, .gpu_models = models, .n_gpu_models = 1}};
    const int expected[3] = {1, 2, 0};
    for (int i = 0; i < 3; ++i) {
        hal_shape *made = NULL;
        hal_placements *placements = NULL;
        hal_placement_columns answer = {.size = sizeof answer};
        OK(hal_shape_new(&specs[i], &made));
        const hal_job job = {.size = sizeof job, .shape = made, .tasks = 1};
        OK(hal_place(cluster, first, &job, 1, 0, &placements));
        OK(hal_placements_get(placements, &answer));
        EXPECT(answer.node[0] == expected[i]);
        EXPECT(answer.devices[0] == (i == 2 ? 1 : 0));
        hal_placements_free(placements);
        hal_shape_free(made);
    }
    hal_policy_free(first);
    hal_cluster_free(cluster);
}

struct mine {
    hal_cluster *cluster;
    int fault, released, reentry;
};
static int score(const hal_batch *batch, double *scores, void *data) {
    struct mine *mine = data;
    for (size_t i = 0; i < batch->n_candidates; ++i) scores[i] = batch->nodes[i] == 1 ? 0.9 : 0.1;
    if (mine->fault == 1) return 2;
    if (mine->fault == 2) scores[0] = NAN;
    if (mine->fault == 3) {
        hal_cluster_info info = {.size = sizeof info};
        mine->reentry = hal_cluster_get_info(mine->cluster, &info);
    }
    return 0;
}
static int keep(const hal_batch *batch, uint8_t *kept, void *data) {
    (void)data;
    for (size_t i = 0; i < batch->n_candidates; ++i) kept[i] = batch->nodes[i] != 1;
    return 0;
}
static void release(void *data) {
    ++((struct mine *)data)->released;
}

static void own_units(void) {
    hal_cluster *cluster = small();
    struct mine mine = {cluster, 0, 0, 0};
    hal_scorer scorer = {sizeof scorer, HAL_ABI_VERSION, HAL_SCOPE_CONTEXT, "mine", score, &mine, release};
    const hal_filter filter = {.size = sizeof filter, .abi_version = HAL_ABI_VERSION, .name = "not_b", .keep = keep};
    hal_policy *own = policy(NULL);
    FAILS(hal_policy_add_scorer(own, &scorer, 0), HAL_ERROR_POLICY, "weight of 'mine'");
    FAILS(hal_policy_add_scorer(own, &scorer, NAN), HAL_ERROR_POLICY, "weight of 'mine'");
    FAILS(hal_policy_add_scorer(NULL, &scorer, 1), HAL_ERROR_ARGUMENT, "policy: is NULL");
    scorer.abi_version = 2;
    FAILS(hal_policy_add_scorer(own, &scorer, 1), HAL_ERROR_POLICY, "version 2");
    scorer.abi_version = 0;
    FAILS(hal_policy_add_scorer(own, &scorer, 1), HAL_ERROR_POLICY, "version 0");
    scorer.abi_version = HAL_ABI_VERSION;
    scorer.size = 16;
    FAILS(hal_policy_add_scorer(own, &scorer, 1), HAL_ERROR_ARGUMENT, "its size is 16");
    scorer.size = sizeof scorer;
    EXPECT(mine.released == 0);
    OK(hal_policy_add_scorer(own, &scorer, 1));

    hal_shape *one = shape(1000, 1);
    const hal_job job = {.size = sizeof job, .name = "j", .shape = one, .tasks = 1};
    const uint64_t before = digest(cluster);
    hal_placements *placements = NULL;
    mine.fault = 1;
    FAILS(hal_place(cluster, own, &job, 1, HAL_APPLY, &placements), HAL_ERROR_POLICY, "'mine' returned status 2 for node 'b'");
    mine.fault = 2;
    FAILS(hal_place(cluster, own, &job, 1, HAL_APPLY, &placements), HAL_ERROR_POLICY, "nan for node 'a'");
    EXPECT(placements == NULL && digest(cluster) == before);
    mine.fault = 3;
    OK(hal_place(cluster, own, &job, 1, 0, &placements));
    EXPECT(mine.reentry == HAL_ERROR_ARGUMENT);
    hal_placement_columns answer = {.size = sizeof answer};
    OK(hal_placements_get(placements, &answer));
    EXPECT(answer.node[0] == 1 && fabs(answer.score[0] - 0.9) < 1e-6);
    hal_placements_free(placements);
    FAILS(hal_policy_add_named(own, "best_fit", 1, NULL, 0), HAL_ERROR_ARGUMENT, "fixed");

    hal_policy *filtered = policy("best_fit");
    OK(hal_policy_add_filter(filtered, &filter));
    OK(hal_place(cluster, filtered, &job, 1, 0, &placements));
    OK(hal_placements_get(placements, &answer));
    EXPECT(answer.node[0] == 0);
    hal_placements_free(placements);

    hal_policy_free(own);
    hal_policy_free(filtered);
    EXPECT(mine.released == 0); /* the cluster remembers the policy */
    hal_shape_free(one);
    hal_cluster_free(cluster);
    EXPECT(mine.released == 1);
}

int main(void) {
    EXPECT(hal_abi_version() == HAL_ABI_VERSION && hal_abi_version_min() == HAL_ABI_VERSION_MIN);
    EXPECT(strlen(hal_version()) >= 5);
    EXPECT(strcmp(hal_last_error(), "") == 0);
    placing();
    nodes();
    selecting();
    own_units();
    misuse();
    puts(wrong ? "the C interface is wrong" : "the C interface is right");
    return wrong != 0;
}
