/* What the tests of the C interface share: expectations, and small things to expect something of. */
#ifndef HAL_TESTS_CHECK_H
#define HAL_TESTS_CHECK_H

#include <hal.h>
#include <stdio.h>
#include <string.h>

extern int wrong; /* expectations that did not hold */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, hal_last_error()); \
            ++wrong;                                                                               \
        }                                                                                          \
    } while (0)
#define OK(call) EXPECT((call) == HAL_OK)
#define FAILS(call, status, words)                         \
    do {                                                   \
        EXPECT((call) == (status));                        \
        EXPECT(strstr(hal_last_error(), (words)) != NULL); \
    } while (0)

static inline hal_cluster* small(void) {
    const hal_gpu gpus[2] = {{.size = sizeof(hal_gpu), .model = "A", .memory = 1024},
                             {.size = sizeof(hal_gpu), .model = "A", .memory = 1024}};
    const hal_label label = {sizeof label, "zone", "a"};
    const hal_taint taint = {.size = sizeof taint, .key = "team", .value = "x", .effect = HAL_NO_SCHEDULE};
    const hal_amount fpga = {sizeof fpga, "fpga", 2};
    const hal_node nodes[3] = {
        {.size = sizeof(hal_node), .name = "a", .cpu = 8000, .memory = 1000, .gpus = gpus, .n_gpus = 2},
        {.size = sizeof(hal_node), .name = "b", .cpu = 4000, .memory = 500, .labels = &label, .n_labels = 1},
        {.size = sizeof(hal_node),
         .name = "c",
         .cpu = 4000,
         .memory = 500,
         .taints = &taint,
         .n_taints = 1,
         .extended = &fpga,
         .n_extended = 1}};
    hal_cluster* cluster = NULL;
    OK(hal_cluster_new(&cluster));
    OK(hal_cluster_add_nodes(cluster, nodes, 3));
    return cluster;
}

static inline hal_shape* shape(int64_t cpu, int64_t memory) {
    const hal_shape_spec spec = {.size = sizeof spec, .cpu = cpu, .memory = memory};
    hal_shape* made = NULL;
    OK(hal_shape_new(&spec, &made));
    return made;
}

static inline hal_policy* policy(const char* scorer) {
    hal_policy* made = NULL;
    OK(hal_policy_new(NULL, &made));
    if (scorer) OK(hal_policy_add_named(made, scorer, 1, NULL, 0));
    return made;
}

static inline uint64_t digest(hal_cluster* cluster) {
    uint64_t value = 0;
    OK(hal_cluster_digest(cluster, &value));
    return value;
}

/* test_misuse.c: each wrong call is an error, says why, and changes nothing. */
void misuse(void);

#endif
