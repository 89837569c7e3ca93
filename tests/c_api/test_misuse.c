/* Misuse of the C interface is an error and never a crash. Part of test_hal. */

#include "check.h"

void misuse(void) {
    hal_cluster *cluster = small();
    hal_policy *best = policy("best_fit"), *empty = policy(NULL);
    hal_shape *one = shape(1000, 1);
    hal_placements *placements = NULL;
    hal_explanation *why = NULL;
    const hal_job job = {.size = sizeof job, .name = "j", .shape = one, .tasks = 1};
    const uint64_t before = digest(cluster);
    uint64_t number = 0;
    uint32_t id = 0;
    const char *name = NULL;

    FAILS(hal_cluster_new(NULL), HAL_ERROR_ARGUMENT, "out: is NULL");
    FAILS(hal_cluster_fork(NULL, &cluster), HAL_ERROR_ARGUMENT, "cluster: is NULL");
    FAILS(hal_cluster_fork(cluster, NULL), HAL_ERROR_ARGUMENT, "out: is NULL");
    FAILS(hal_cluster_add_nodes(NULL, NULL, 0), HAL_ERROR_ARGUMENT, "cluster: is NULL");
    FAILS(hal_cluster_add_nodes(cluster, NULL, 1), HAL_ERROR_ARGUMENT, "nodes: is NULL");
    FAILS(hal_cluster_add_columns(cluster, NULL), HAL_ERROR_ARGUMENT, "columns: is NULL");
    FAILS(hal_cluster_update_node(cluster, NULL), HAL_ERROR_ARGUMENT, "node: is NULL");
    FAILS(hal_cluster_remove_node(cluster, NULL, 0, NULL), HAL_ERROR_ARGUMENT, "name: is NULL");
    FAILS(hal_cluster_get_info(cluster, NULL), HAL_ERROR_ARGUMENT, "out: is NULL");
    FAILS(hal_cluster_digest(NULL, &number), HAL_ERROR_ARGUMENT, "cluster: is NULL");
    FAILS(hal_cluster_digest(cluster, NULL), HAL_ERROR_ARGUMENT, "out: is NULL");
    FAILS(hal_cluster_find_node(cluster, NULL, &id), HAL_ERROR_ARGUMENT, "name: is NULL");
    FAILS(hal_cluster_find_node(cluster, "a", NULL), HAL_ERROR_ARGUMENT, "node: is NULL");
    FAILS(hal_cluster_node_name(NULL, 0, &name), HAL_ERROR_ARGUMENT, "cluster: is NULL");
    FAILS(hal_cluster_get_columns(cluster, NULL), HAL_ERROR_ARGUMENT, "out: is NULL");
    FAILS(hal_shape_new(NULL, &one), HAL_ERROR_ARGUMENT, "spec: is NULL");
    FAILS(hal_policy_new(NULL, NULL), HAL_ERROR_ARGUMENT, "out: is NULL");
    FAILS(hal_policy_add_named(best, NULL, 1, NULL, 0), HAL_ERROR_ARGUMENT, "scorer: is NULL");
    FAILS(hal_policy_add_named(best, "none", 1, NULL, 0), HAL_ERROR_POLICY, "'none' is unknown");
    FAILS(hal_policy_add_named(best, "best_fit", -1, NULL, 0), HAL_ERROR_POLICY, "weight of 'best_fit'");
    FAILS(hal_policy_add_named(best, "best_fit", 1, NULL, 3), HAL_ERROR_ARGUMENT, "params: is NULL");
    FAILS(hal_policy_add_scorer(best, NULL, 1), HAL_ERROR_ARGUMENT, "scorer: is NULL");
    FAILS(hal_policy_add_filter(best, NULL), HAL_ERROR_ARGUMENT, "filter: is NULL");
    FAILS(hal_place(NULL, best, &job, 1, 0, &placements), HAL_ERROR_ARGUMENT, "cluster: is NULL");
    FAILS(hal_place(cluster, NULL, &job, 1, 0, &placements), HAL_ERROR_ARGUMENT, "policy: is NULL");
    FAILS(hal_place(cluster, empty, &job, 1, 0, &placements), HAL_ERROR_POLICY, "no scorer");
    FAILS(hal_place(cluster, best, NULL, 1, 0, &placements), HAL_ERROR_ARGUMENT, "jobs: is NULL");
    FAILS(hal_place(cluster, best, &job, 1, 0, NULL), HAL_ERROR_ARGUMENT, "out: is NULL");
    FAILS(hal_place(cluster, best, &job, 1, 6, &placements), HAL_ERROR_ARGUMENT, "flags: 6 is unknown");
    FAILS(hal_apply(cluster, NULL), HAL_ERROR_ARGUMENT, "placements: is NULL");
    FAILS(hal_placements_get(NULL, NULL), HAL_ERROR_ARGUMENT, "placements: is NULL");
    FAILS(hal_release(cluster, NULL, 1), HAL_ERROR_ARGUMENT, "ids: is NULL");
    FAILS(hal_release_named(cluster, NULL), HAL_ERROR_ARGUMENT, "name: is NULL");
    FAILS(hal_explain(cluster, best, &job, 1, NULL), HAL_ERROR_ARGUMENT, "out: is NULL");
    FAILS(hal_explain(NULL, best, &job, 1, &why), HAL_ERROR_ARGUMENT, "cluster: is NULL");
    FAILS(hal_explanation_get(NULL, NULL), HAL_ERROR_ARGUMENT, "explanation: is NULL");
    hal_cluster_free(NULL);
    hal_shape_free(NULL);
    hal_policy_free(NULL);
    hal_placements_free(NULL);
    hal_explanation_free(NULL);

    /* Structs of other sizes. */
    hal_job odd = job;
    odd.size = 8;
    FAILS(hal_place(cluster, best, &odd, 1, 0, &placements), HAL_ERROR_ARGUMENT, "jobs: its size is 8");
    odd.size = SIZE_MAX;
    FAILS(hal_place(cluster, best, &odd, 1, 0, &placements), HAL_ERROR_ARGUMENT, "jobs: its size is");
    hal_job mixed[2] = {job, job};
    mixed[1].size = 0;
    FAILS(hal_place(cluster, best, mixed, 2, 0, &placements), HAL_ERROR_ARGUMENT, "jobs[1]: its size is 0");
    struct {
        hal_job known;
        uint64_t appended;
    } newer = {job, 0};
    newer.known.size = sizeof newer;
    OK(hal_place(cluster, best, &newer.known, 1, 0, &placements));
    hal_placements_free(placements);
    newer.appended = 1;
    FAILS(hal_place(cluster, best, &newer.known, 1, 0, &placements), HAL_ERROR_ARGUMENT, "does not know");
    struct {
        hal_cluster_info known;
        uint64_t appended;
    } more;
    memset(&more, 255, sizeof more);
    more.known.size = sizeof more;
    OK(hal_cluster_get_info(cluster, &more.known));
    EXPECT(more.known.size == sizeof(hal_cluster_info) && more.known.n_nodes == 3 && more.appended == 0);
    hal_cluster_info little = {.size = 4};
    FAILS(hal_cluster_get_info(cluster, &little), HAL_ERROR_ARGUMENT, "its size is 4");

    /* Values that break a rule. */
    const hal_job none = {.size = sizeof none, .name = "j", .shape = one, .tasks = 0};
    FAILS(hal_place(cluster, best, &none, 1, 0, &placements), HAL_ERROR_MODEL, "tasks: 0");
    const hal_job shapeless = {.size = sizeof shapeless, .name = "j", .tasks = 1};
    FAILS(hal_place(cluster, best, &shapeless, 1, 0, &placements), HAL_ERROR_ARGUMENT, "job.shape: is NULL");
    hal_shape *bad = NULL;
    const hal_shape_spec negative = {.size = sizeof negative, .cpu = -5};
    FAILS(hal_shape_new(&negative, &bad), HAL_ERROR_MODEL, "-5");
    const hal_requirement op = {.size = sizeof op, .key = "zone", .op = 77};
    const hal_shape_spec selector = {.size = sizeof selector, .selector = &op, .n_selector = 1};
    FAILS(hal_shape_new(&selector, &bad), HAL_ERROR_ARGUMENT, "requirement.op: 77");
    EXPECT(bad == NULL);
    const int32_t many = 65;
    const int64_t amount = 1;
    const hal_node_columns columns = {.size = sizeof columns, .n_nodes = 1, .cpu = &amount, .memory = &amount, .gpu_count = &many};
    FAILS(hal_cluster_add_columns(cluster, &columns), HAL_ERROR_MODEL, "gpu_count 65");
    const hal_node_columns torn = {.size = sizeof torn, .n_nodes = 1, .cpu = &amount};
    FAILS(hal_cluster_add_columns(cluster, &torn), HAL_ERROR_ARGUMENT, "columns.memory: is NULL");
    EXPECT(digest(cluster) == before);

    const hal_param steps = {.size = sizeof steps, .name = "steps", .integer = 100, .is_integer = 1};
    const hal_param unknown = {.size = sizeof unknown, .name = "step", .integer = 100, .is_integer = 1};
    hal_policy *configured = policy(NULL);
    FAILS(hal_policy_add_named(configured, "best_fit", 1, &unknown, 1), HAL_ERROR_POLICY, "step");
    OK(hal_policy_add_named(configured, "best_fit", 1, &steps, 1));
    hal_policy_free(configured);

    hal_shape_free(one);
    hal_policy_free(best);
    hal_policy_free(empty);
    hal_cluster_free(cluster);
}
