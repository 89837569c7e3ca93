#include <algorithm>
#include <charconv>

#include "halcore/policies/filters/filters.h"

namespace hal::filters {
namespace {

bool parse(const std::string& text, std::int64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

// Kubernetes' rules: NotIn holds where the label is absent, Gt and Lt compare integers and fail on other
// text.
bool holds(const Requirement& r, const std::string* value) {
    const auto among = [&] { return std::binary_search(r.values.begin(), r.values.end(), *value); };
    std::int64_t have = 0, want = 0;
    switch (r.op) {
        case SelectorOp::In:
            return value && among();
        case SelectorOp::NotIn:
            return !value || !among();
        case SelectorOp::Exists:
            return value != nullptr;
        case SelectorOp::DoesNotExist:
            return value == nullptr;
        case SelectorOp::Gt:
            return value && parse(*value, have) && parse(r.values[0], want) && have > want;
        case SelectorOp::Lt:
            return value && parse(*value, have) && parse(r.values[0], want) && have < want;
    }
    return false;
}

}  // namespace

Reason node_selector(const NodeClass& node_class, const Shape& shape) {
    const auto& selector = shape.spec.selector;
    for (std::uint32_t i = 0; i < selector.size(); ++i) {
        if (!holds(selector[i], node_class.label(selector[i].key))) return {Reason::Code::NodeSelector, i};
    }
    return {};
}

}  // namespace hal::filters
