#include "halcore/policies/filters/filters.h"

namespace hal::filters {

Reason schedulable(const NodeClass& node_class) {
    return node_class.schedulable ? Reason{} : Reason{Reason::Code::Unschedulable};
}

}  // namespace hal::filters
