#include "bind_plans.h"
#include "bindings.h"

NB_MODULE(_core, m) {
    // Objects that Python still holds when it exits (its caches do) are no fault worth a page on stderr.
    nanobind::set_leak_warnings(false);
    m.doc() = "Compiled core of hal: use it through the public package.";
    hal::bindings::bind_errors(m);
    hal::bindings::bind_model(m);
    hal::bindings::bind_policies(m);
    hal::bindings::bind_native(m);
    hal::bindings::bind_cluster(m);
    hal::bindings::bind_queues(m);
    hal::bindings::bind_engine(m);
    hal::bindings::bind_preempt(m);
    hal::bindings::bind_rebalance(m);
    hal::bindings::bind_topology(m);
    hal::bindings::bind_gang(m);
    hal::bindings::bind_data(m);
    hal::bindings::bind_energy(m);
    hal::bindings::bind_replay(m);
    hal::bindings::bind_staging(m);
    hal::bindings::bind_reserve(m);
    hal::bindings::bind_signals(m);
    hal::bindings::bind_simulator(m);
    hal::bindings::bind_node_queue(m);
    hal::bindings::bind_reserve_plan(m);
}
