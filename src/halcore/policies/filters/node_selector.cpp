#include "halcore/model/selector.h"
#include "halcore/policies/filters/filters.h"

namespace hal::filters {

Reason node_selector(const NodeClass& node_class, const Shape& shape) {
    const auto& selector = shape.spec.selector;
    for (std::uint32_t i = 0; i < selector.size(); ++i) {
        if (!holds(selector[i], node_class.label(selector[i].key))) return {Reason::Code::NodeSelector, i};
    }
    return {};
}

}  // namespace hal::filters
