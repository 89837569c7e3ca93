#pragma once

#include <string>

#include "halcore/model/spec.h"

namespace hal {

/// Whether a requirement holds for the value of its label; nullptr: the label is absent. Kubernetes' rules:
/// NotIn holds where the label is absent, Gt and Lt compare integers and fail on other text.
bool holds(const Requirement& requirement, const std::string* value);

}  // namespace hal
