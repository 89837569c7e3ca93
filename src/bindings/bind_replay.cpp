#include "bind_replay.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>

#include "arrays.h"
#include "bind_history.h"
#include "bindings.h"
#include "halcore/model/error.h"
#include "halcore/replay/queue_replay.h"
#include "halcore/replay/swf.h"

namespace nb = nanobind;

namespace hal::bindings {
namespace {

using replay::JobId;
using replay::JobTable;
using replay::QueueEngine;
using replay::Seconds;

using SwfColumns = nb::typed<nb::tuple, nb::typed<nb::list, nb::any>, nb::typed<nb::list, nb::bytes>,
                             NewColumn<std::int64_t>, NewColumn<std::int32_t>, NewColumn<std::uint8_t>>;
using QueueColumns =
    nb::typed<nb::tuple, NewColumn<Seconds>, NewColumn<Seconds>, NewColumn<Seconds>, NewColumn<Seconds>>;

SwfColumns parse_swf(nb::bytes text) {
    replay::SwfLog log;
    {
        const std::string_view view(static_cast<const char*>(text.data()), text.size());
        nb::gil_scoped_release unlocked;
        log = replay::parse_swf(view);
    }
    nb::list columns;
    for (int field = 0; field < replay::SwfLog::kFields; ++field)
        if (field == replay::SwfLog::kCpuTime)
            columns.append(to_numpy(std::move(log.cpu_time)));
        else if (field == replay::SwfLog::kMemoryUsed)
            columns.append(to_numpy(std::move(log.memory_used)));
        else
            columns.append(to_numpy(std::move(log.columns[field])));
    nb::list headers;
    for (const std::string& header : log.headers)  // logs of the nineties are in Latin-1
        headers.append(nb::bytes(header.data(), header.size()));
    std::vector<std::int64_t> line;
    std::vector<std::int32_t> field;
    std::vector<std::uint8_t> fault;
    for (const replay::SwfIssue& issue : log.issues) {
        line.push_back(issue.line);
        field.push_back(issue.field);
        fault.push_back(static_cast<std::uint8_t>(issue.fault));
    }
    return nb::make_tuple(columns, headers, to_numpy(std::move(line)), to_numpy(std::move(field)),
                          to_numpy(std::move(fault)));
}

/// Calls `function(now, rows, submit, predicted) -> float64 keys` under the GIL. Borrowed: the caller keeps
/// it alive, because the engine, and what it captures, dies where the GIL is not held.
replay::KeyFunction python_order(nb::handle function) {
    return
        [function](const JobTable& jobs, std::span<const JobId> waiting, Seconds now, std::span<double> out) {
            nb::gil_scoped_acquire locked;
            std::vector<std::int64_t> rows;
            std::vector<Seconds> submit, predicted;
            for (const JobId job : waiting) {
                rows.push_back(jobs[job].row);
                submit.push_back(jobs[job].submit);
                predicted.push_back(jobs[job].predicted);
            }
            const nb::object answer = function(now, to_numpy(std::move(rows)), to_numpy(std::move(submit)),
                                               to_numpy(std::move(predicted)));
            const auto keys = nb::cast<Column<double>>(answer);
            if (keys.shape(0) != waiting.size())
                throw PolicyError("order function: " + std::to_string(keys.shape(0)) + " keys for " +
                                  std::to_string(waiting.size()) + " waiting jobs; return one a job");
            for (std::size_t i = 0; i < waiting.size(); ++i) {
                if (std::isnan(keys(i))) throw PolicyError("order function: a key is NaN; return a number");
                out[i] = keys(i);
            }
        };
}

}  // namespace

std::unique_ptr<replay::Order> order_of(const nb::object& order, double ageing, double max_age,
                                        double half_life) {
    if (nb::isinstance<nb::str>(order))
        return replay::make_order(nb::cast<std::string>(order), {ageing, max_age, half_life});
    return replay::make_order(python_order(order));
}

std::unique_ptr<replay::Prediction> prediction_of(const nb::object& prediction) {
    if (nb::isinstance<nb::str>(prediction))
        return replay::make_prediction(nb::cast<std::string>(prediction));
    const auto [history, function] =
        nb::cast<std::pair<std::shared_ptr<replay::JobHistory>, nb::object>>(prediction);
    return replay::make_prediction(
        history,
        [function = nb::handle(function)](JobId, const replay::JobRecord& job,
                                          const replay::JobHistory::Row& row) -> replay::Guess {
            nb::gil_scoped_acquire locked;
            const nb::object answer = function(job.submit, job.requested, job.user, row_view(row));
            const auto [hold, fill, rank] = nb::cast<std::tuple<Seconds, Seconds, Seconds>>(answer);
            return {hold, fill, rank};
        });
}

namespace {

using Windows = std::vector<std::tuple<Seconds, Seconds, std::int64_t>>;

std::vector<replay::Hold> holds_of(const Windows& windows) {
    std::vector<replay::Hold> holds;
    for (const auto& [begin, end, procs] : windows) holds.push_back({begin, end, procs});
    return holds;
}

replay::QueueParts parts_of(std::int64_t processors, const nb::object& order, double ageing, double max_age,
                            double half_life, const std::string& backfill, std::int32_t depth, Seconds window,
                            Seconds resolution, std::unique_ptr<replay::Prediction> prediction,
                            const std::string& correction, const Windows& holds) {
    replay::QueueParts parts;
    parts.processors = processors;
    parts.order = order_of(order, ageing, max_age, half_life);
    parts.backfill = replay::make_backfill(backfill, {depth, window, resolution}, holds_of(holds));
    parts.prediction = std::move(prediction);
    parts.correction = replay::make_correction(correction);
    return parts;
}

QueueColumns replay_queue(Column<Seconds> submit, Column<Seconds> run, Column<std::int32_t> procs,
                          Column<Seconds> requested, Column<std::int32_t> user, Column<double> priority,
                          Column<Seconds> given, Column<Seconds> fill, Column<Seconds> rank,
                          std::int64_t processors, const nb::object& order, double ageing, double max_age,
                          double half_life, const std::string& backfill, std::int32_t depth, Seconds window,
                          Seconds resolution, const nb::object& prediction, const std::string& correction,
                          const Windows& holds, Column<std::uint32_t> follower, Column<std::uint32_t> other,
                          Column<std::uint8_t> kind, Column<Seconds> delay, Column<std::uint8_t> failed) {
    replay::QueueParts parts = parts_of(processors, order, ageing, max_age, half_life, backfill, depth,
                                        window, resolution, prediction_of(prediction), correction, holds);
    replay::ReplayResult result;
    {
        nb::gil_scoped_release unlocked;
        result = replay::replay_queue(log_of(submit, run, procs, requested, user, priority, given, fill, rank,
                                             follower, other, kind, delay, failed),
                                      std::move(parts));
    }
    return nb::make_tuple(to_numpy(std::move(result.start)), to_numpy(std::move(result.entered)),
                          to_numpy(std::move(result.promise)), to_numpy(std::move(result.first_guess)));
}

std::vector<JobId> started(const QueueEngine& queue) {
    return {queue.started().begin(), queue.started().end()};
}

/// The live queue. Calls keep the GIL: each takes microseconds, and an order function needs it.
void bind_queue(nb::module_& m) {
    using namespace nb::literals;
    nb::class_<QueueEngine>(m, "BatchQueue")
        .def(
            "__init__",
            [](QueueEngine* self, std::int64_t processors, const nb::object& order, double ageing,
               double max_age, double half_life, const std::string& backfill, std::int32_t depth,
               Seconds window, Seconds resolution, const std::string& prediction,
               const std::string& correction, const Windows& holds) {
                new (self) QueueEngine(parts_of(processors, order, ageing, max_age, half_life, backfill,
                                                depth, window, resolution,
                                                replay::make_prediction(prediction), correction, holds));
            },
            "processors"_a, "order"_a, "ageing"_a, "max_age"_a, "half_life"_a, "backfill"_a, "depth"_a,
            "window"_a, "resolution"_a, "prediction"_a, "correction"_a, "holds"_a)
        .def(
            "submit",
            [](QueueEngine& self, Seconds now, Seconds requested, std::int32_t procs, std::int32_t user,
               double priority, Seconds given, Seconds fill, Seconds rank) {
                replay::JobSpec spec;
                spec.requested = requested;
                spec.procs = procs;
                spec.user = user;
                spec.priority = priority;
                spec.given = {given, fill, rank};
                return self.submit(now, spec);
            },
            "now"_a, "requested"_a, "procs"_a, "user"_a, "priority"_a, "given"_a, "fill"_a, "rank"_a)
        .def("finish", &QueueEngine::finish, "now"_a, "job"_a)
        .def("stop", &QueueEngine::stop, "now"_a, "job"_a)
        .def("cancel", &QueueEngine::cancel, "now"_a, "job"_a)
        .def("tick", &QueueEngine::tick, "now"_a)
        .def_prop_ro("started", &started)
        .def_prop_ro("now", [](const QueueEngine& self) { return self.state().now(); })
        .def_prop_ro("free", [](const QueueEngine& self) { return self.state().free(); })
        .def_prop_ro("waiting", [](const QueueEngine& self) { return self.state().queue().size(); })
        .def_prop_ro("next_wake",
                     [](const QueueEngine& self) -> std::optional<Seconds> {
                         if (self.next_wake() == replay::kNever) return std::nullopt;
                         return self.next_wake();
                     })
        .def(
            "promise",
            [](const QueueEngine& self, JobId job) {
                if (job >= self.state().jobs().size())
                    throw InvalidModel("job " + std::to_string(job) + " was never submitted");
                return self.promise(job);
            },
            "job"_a);
}

}  // namespace

void bind_replay(nb::module_& m) {
    using namespace nb::literals;
    m.def("parse_swf", &parse_swf, "text"_a);
    m.def("replay_queue", &replay_queue, "submit"_a, "run"_a, "procs"_a, "requested"_a, "user"_a,
          "priority"_a, "given"_a, "fill"_a, "rank"_a, "processors"_a, "order"_a, "ageing"_a, "max_age"_a,
          "half_life"_a, "backfill"_a, "depth"_a, "window"_a, "resolution"_a, "prediction"_a, "correction"_a,
          "holds"_a, "follower"_a, "other"_a, "kind"_a, "delay"_a, "failed"_a);
    bind_history(m);
    bind_queue(m);
}

}  // namespace hal::bindings
