#include "halcore/model/node_class.h"

#include <algorithm>

namespace hal {

const std::string* NodeClass::label(const std::string& key) const {
    auto it = std::lower_bound(labels.begin(), labels.end(), key,
                               [](const Label& l, const std::string& k) { return l.first < k; });
    return it != labels.end() && it->first == key ? &it->second : nullptr;
}

bool NodeClass::uniform() const {
    return std::all_of(devices.begin(), devices.end(), [&](const Device& d) { return d == devices.front(); });
}

}  // namespace hal
