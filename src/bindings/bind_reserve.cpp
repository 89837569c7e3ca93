#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <string>

#include "bindings.h"
#include "halcore/model/error.h"
#include "halcore/reserve/profile.h"

namespace nb = nanobind;

namespace hal::bindings {
namespace {

using reserve::AvailabilityProfile;
using Time = AvailabilityProfile::Time;
using Amount = AvailabilityProfile::Amount;

constexpr std::int64_t kLargest = std::int64_t{1} << 60;  // sums of two stay inside 64 bits

void check(const char* name, std::int64_t value, std::int64_t least) {
    if (value < least || value > kLargest)
        throw InvalidModel(std::string(name) + " is " + std::to_string(value) + "; give " +
                           std::to_string(least) + " to 2**60");
}

void check_window(Time begin, Time end) {
    check("begin", begin, -kLargest);
    check("end", end, -kLargest);
    if (begin >= end)
        throw InvalidModel("window from " + std::to_string(begin) + " to " + std::to_string(end) +
                           " is empty; give an end after the begin");
}

}  // namespace

void bind_reserve(nb::module_& m) {
    using namespace nb::literals;
    nb::class_<AvailabilityProfile>(m, "AvailabilityProfile")
        .def(
            "__init__",
            [](AvailabilityProfile* self, Amount capacity, Time begin) {
                check("capacity", capacity, 0);
                check("begin", begin, -kLargest);
                new (self) AvailabilityProfile(capacity, begin);
            },
            "capacity"_a, "begin"_a = 0)
        .def_prop_ro("begin", &AvailabilityProfile::begin)
        .def("__len__", &AvailabilityProfile::steps)
        .def(
            "free_at",
            [](const AvailabilityProfile& self, Time time) {
                check("time", time, -kLargest);
                return self.free_at(time);
            },
            "time"_a)
        .def(
            "min_free",
            [](const AvailabilityProfile& self, Time begin, Time end) {
                check_window(begin, end);
                return self.min_free(begin, end);
            },
            "begin"_a, "end"_a)
        .def(
            "add",
            [](AvailabilityProfile& self, Time begin, Time end, Amount change) {
                check_window(begin, end);
                check("change", change, -kLargest);
                self.add(begin, end, change);
            },
            "begin"_a, "end"_a, "change"_a)
        .def(
            "earliest",
            [](const AvailabilityProfile& self, Time start, Time duration, Amount amount) -> nb::object {
                check("start", start, -kLargest);
                check("duration", duration, 0);
                check("amount", amount, -kLargest);
                const Time found = self.earliest(start, duration, amount);
                return found == AvailabilityProfile::kNever ? nb::none() : nb::cast(found);
            },
            "start"_a, "duration"_a, "amount"_a,
            nb::sig("def earliest(self, start: int, duration: int, amount: int) -> int | None"))
        .def(
            "forget_before",
            [](AvailabilityProfile& self, Time time) {
                check("time", time, -kLargest);
                self.forget_before(time);
            },
            "time"_a)
        .def("to_list", [](const AvailabilityProfile& self) {
            std::vector<std::tuple<Time, Amount>> steps;
            self.for_each_step([&](Time time, Amount free) { steps.emplace_back(time, free); });
            return steps;
        });
}

}  // namespace hal::bindings
