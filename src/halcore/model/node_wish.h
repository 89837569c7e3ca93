#pragma once

namespace hal {

/// In place of a level of an Affinity: its selector is about the nodes' own labels, not about jobs. Always a
/// wish: what a node must have is the shape's selector.
inline constexpr const char* kNodeLabels = "node:labels";

}  // namespace hal
