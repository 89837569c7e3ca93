#include "halcore/reserve/problem.h"

#include <string>

#include "halcore/model/error.h"

namespace hal::reserve {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 42;  // sums over a million tasks stay inside 64 bits

void same_length(const char* column, std::size_t given, std::size_t wanted) {
    if (given != wanted)
        throw InvalidModel(std::string(column) + " has " + std::to_string(given) + " entries; give " +
                           std::to_string(wanted));
}

template <class T>
void in_range(const char* column, const std::vector<T>& values, std::int64_t least, std::int64_t most) {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i] < least || values[i] > most)
            throw InvalidModel(std::string(column) + "[" + std::to_string(i) + "] is " +
                               std::to_string(values[i]) + "; give " + std::to_string(least) + " to " +
                               std::to_string(most));
}

void offsets(const char* column, const std::vector<std::int64_t>& first, std::size_t rows,
             std::size_t total) {
    same_length(column, first.size(), rows + 1);
    bool good = first.front() == 0 && first.back() == static_cast<std::int64_t>(total);
    for (std::size_t i = 0; good && i + 1 < first.size(); ++i) good = first[i] <= first[i + 1];
    if (!good) throw InvalidModel(std::string(column) + " must rise from 0 to " + std::to_string(total));
}

}  // namespace

void ReserveProblem::validate() const {
    if (resources < 1) throw InvalidModel("resources is 0; give at least one column of capacity");
    const std::size_t n = requests();
    const auto last_bin = static_cast<std::int64_t>(bins()) - 1;
    in_range("capacity", capacity, 0, kLargest);
    in_range("duration", duration, 1, kLargest);
    same_length("release", release.size(), n);
    in_range("release", release, -kLargest, kLargest);
    same_length("deadline", deadline.size(), n);
    in_range("deadline", deadline, -kLargest, kLargest);
    same_length("tasks", tasks.size(), n);
    in_range("tasks", tasks, 0, std::int64_t{1} << 20);
    same_length("whole", whole.size(), n);
    same_length("demand", demand.size(), n * resources);
    in_range("demand", demand, 0, kLargest);
    offsets("fixed_first", fixed_first, n, fixed_bin.size());
    in_range("fixed_bin", fixed_bin, 0, last_bin);
    same_length("fixed_amount", fixed_amount.size(), fixed_bin.size() * resources);
    in_range("fixed_amount", fixed_amount, 0, kLargest);
    if (choice_first.empty()) throw InvalidModel("choice_first is empty; give at least one 0");
    if (group_first.empty()) throw InvalidModel("group_first is empty; give at least one 0");
    offsets("group_first", group_first, group_first.size() - 1, group_bin.size());
    offsets("choice_first", choice_first, choice_first.size() - 1, group_first.size() - 1);
    in_range("group_bin", group_bin, 0, last_bin);
    for (std::size_t g = 0; g + 1 < group_first.size(); ++g)
        for (auto i = static_cast<std::size_t>(group_first[g]) + 1;
             i < static_cast<std::size_t>(group_first[g + 1]); ++i)
            if (group_bin[i] <= group_bin[i - 1])
                throw InvalidModel("group_bin must increase within group " + std::to_string(g));
    same_length("choice", choice.size(), n);
    const auto choices = static_cast<std::int64_t>(choice_first.size()) - 1;
    for (std::size_t r = 0; r < n; ++r) {
        if (tasks[r] == 0) continue;
        if (choice[r] < 0 || choice[r] >= choices)
            throw InvalidModel("choice[" + std::to_string(r) + "] is " + std::to_string(choice[r]) +
                               "; give 0 to " + std::to_string(choices - 1));
        bool asks = whole[r] != 0;
        for (std::size_t k = 0; k < resources; ++k) asks = asks || demand[r * resources + k] > 0;
        if (!asks)
            throw InvalidModel("demand[" + std::to_string(r) + "] is zero; a task must take something");
    }
}

}  // namespace hal::reserve
