// The core as a C++ program uses it, without Python. Built and run by `make library`.
#include <cstdio>
#include <memory>

#include "halcore/engine/engine.h"
#include "halcore/model/cluster.h"
#include "halcore/model/error.h"
#include "halcore/policies/policy.h"
#include "halcore/policies/registry.h"

namespace {

hal::NodeSpec node(const char* name, std::int64_t cpus) {
    hal::NodeSpec spec;
    spec.name = name;
    spec.cpu = hal::MilliCpu(cpus * 1000);
    spec.memory = hal::MiB(1024);
    return spec;
}

}  // namespace

int main() {
    hal::Cluster cluster;
    cluster.add_nodes({node("large", 8), node("small", 4)});
    hal::Engine engine(cluster);
    const auto policy = std::make_shared<const hal::Policy>(
        "best_fit", std::vector<hal::Policy::Part>{{hal::make_scorer("best_fit", {}), 1.0}},
        std::vector<hal::FilterPtr>{}, 0, 0);
    hal::ShapeSpec request;
    request.cpu = hal::MilliCpu(4000);
    const hal::ShapeId shape = cluster.intern(request);

    const hal::PlaceResult answer = engine.place({{"job", shape, 3, 0}}, policy, true);
    const bool placed =
        answer.status == std::vector<std::uint8_t>{0} && cluster.free(0, 0) == 0 && cluster.free(0, 1) == 0;
    bool refused = false;
    try {
        cluster.add_nodes({node("small", 1)});
    } catch (const hal::InvalidModel&) {
        refused = cluster.node_count() == 2;
    }
    std::puts(placed && refused ? "the core stands alone" : "the core fails without Python");
    return placed && refused ? 0 : 1;
}
