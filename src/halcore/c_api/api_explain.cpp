#include "halcore/c_api/api_handles.h"
#include "halcore/model/error.h"

using namespace hal::c_api;

int hal_explain(hal_cluster* cluster, const hal_policy* policy, const hal_job* job, size_t top,
                hal_explanation** out) {
    return guarded([&] {
        given(out, "out");
        const hal_job of = read(job, "job");
        const auto fixed = given(policy, "policy").fixed();
        auto explanation = std::make_unique<hal_explanation>();
        given(cluster, "cluster").run([&] {
            if (of.tasks < 1)
                throw hal::InvalidModel("tasks: " + std::to_string(of.tasks) + " is not 1 or more");
            explanation->of = cluster->engine.explain(cluster->request(of), fixed, top);
        });
        for (const auto& [reason, nodes] : explanation->of.reasons) {
            explanation->reasons.push_back(reason.c_str());
            explanation->rejected.push_back(nodes);
        }
        for (const auto& candidate : explanation->of.top) {
            explanation->top_node.push_back(candidate.node);
            explanation->top_score.push_back(candidate.total);
        }
        *out = explanation.release();
    });
}

int hal_explanation_get(const hal_explanation* explanation, hal_explanation_columns* out) {
    return guarded([&] {
        const hal_explanation& e = given(explanation, "explanation");
        write(out,
              {0, static_cast<std::uint32_t>(e.of.status), 0, e.of.nodes, e.of.feasible, e.reasons.size(),
               e.reasons.data(), e.rejected.data(), e.top_node.size(), e.top_node.data(), e.top_score.data()},
              "out");
    });
}

void hal_explanation_free(hal_explanation* explanation) {
    delete explanation;
}
