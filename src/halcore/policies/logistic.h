#pragma once

#include <array>

namespace hal {

/// floor(100 / (1 + exp(-x / 1000))), from a table of the x at which it steps: the same integers, sooner.
class Logistic {
  public:
    static int hundredths(double x) {
        const Logistic& table = instance();
        if (!(x > table.step_[1])) return 0;
        if (x >= table.step_[99]) return x >= table.step_[100] ? 100 : 99;
        int k = table.guess_[static_cast<int>((x + kRange) * kPerUnit)];
        while (x < table.step_[k]) --k;  // x + kRange may have rounded up into the next cell
        while (x >= table.step_[k + 1]) ++k;
        return k;
    }
    static int compute(double x);  // the plain twin

  private:
    static constexpr double kRange = 8192;  // beyond it the score is 0 or 99
    static constexpr double kPerUnit = 0.125;
    Logistic();
    static const Logistic& instance() {
        static const Logistic table;
        return table;
    }
    std::array<double, 102> step_;  // the least x with a score of at least k
    std::array<int, 2049> guess_;   // the score at the left edge of each cell
};

}  // namespace hal
