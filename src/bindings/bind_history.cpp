#include "bind_history.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <string>

#include "arrays.h"

namespace nb = nanobind;

namespace hal::bindings {
namespace {

using replay::JobHistory;
using replay::JobId;
using replay::Seconds;

using Rows = nb::ndarray<nb::numpy, float, nb::ndim<2>>;
using OutRow = nb::ndarray<float, nb::shape<1, -1>, nb::c_contig, nb::device::cpu>;
using Samples = nb::typed<nb::tuple, Rows, NewColumn<Seconds>, NewColumn<Seconds>>;

std::vector<std::string> names() {
    std::vector<std::string> all(JobHistory::base_names().begin(), JobHistory::base_names().end());
    for (const char* by : JobHistory::classes())
        for (const char* what : JobHistory::class_names()) all.push_back(std::string(by) + "_" + what);
    return all;
}

Samples samples(const JobHistory& history) {
    const std::size_t count = history.kept();
    std::vector<float> rows(count * JobHistory::kFeatures);
    std::vector<Seconds> run(count), requested(count);
    history.copy_samples(rows, run, requested);
    auto* const kept = new std::vector<float>(std::move(rows));
    nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<float>*>(p); });
    return nb::make_tuple(Rows(kept->data(), {count, JobHistory::kFeatures}, owner), to_numpy(std::move(run)),
                          to_numpy(std::move(requested)));
}

}  // namespace

void bind_history(nb::module_& m) {
    using namespace nb::literals;
    nb::class_<JobHistory>(m, "JobHistory",
                           "Features of jobs at their submission, from what had ended by then.")
        .def(nb::init<std::size_t>(), "memory"_a)
        .def(
            "submitted",
            [](JobHistory& self, JobId job, Seconds now, Seconds requested, std::int32_t procs,
               std::int32_t user, OutRow out) {
                if (out.shape(1) != JobHistory::kFeatures)
                    throw nb::value_error("out must have one column a feature");
                replay::JobSpec spec;
                spec.requested = requested;
                spec.procs = procs;
                spec.user = user;
                const JobHistory::Row& row = self.submitted(job, now, spec);
                std::copy(row.begin(), row.end(), out.data());
            },
            "job"_a, "now"_a, "requested"_a, "procs"_a, "user"_a, "out"_a)
        .def("started", &JobHistory::started, "job"_a, "now"_a)
        .def("finished", &JobHistory::finished, "job"_a, "now"_a, "run"_a)
        .def("withdrawn", &JobHistory::withdrawn, "job"_a)
        .def("knows", &JobHistory::knows, "user"_a)
        .def_prop_ro("ended", &JobHistory::ended)
        .def("samples", &samples, "Rows, runs and requests of the jobs that ended last, oldest first.")
        .def_prop_ro_static("names", [](nb::handle) { return names(); });
}

}  // namespace hal::bindings
