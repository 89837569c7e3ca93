#include "halcore/engine/lasting.h"

#include "halcore/engine/matcher.h"

namespace hal {

std::vector<std::uint8_t> lasting(const Cluster& cluster, ShapeId shape, const Survey& survey) {
    Matcher matcher(cluster);
    std::vector<std::int64_t> holds(cluster.kinds().size(),
                                    -1);  // of an empty node of the kind; -1: not asked
    std::vector<std::uint8_t> lasts(survey.nodes.size(), 0);
    for (std::size_t i = 0; i < lasts.size(); ++i) {
        if (survey.reason[i] < 0) continue;
        const KindId kind = cluster.kind(survey.nodes[i]);
        if (holds[kind] < 0) holds[kind] = matcher.capacity_of(shape, kind);
        lasts[i] = holds[kind] == 0;
    }
    return lasts;
}

}  // namespace hal
