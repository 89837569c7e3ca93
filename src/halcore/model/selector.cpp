#include "halcore/model/selector.h"

#include <algorithm>
#include <charconv>

namespace hal {
namespace {

bool parse(const std::string& text, std::int64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

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

}  // namespace hal
