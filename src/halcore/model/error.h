#pragma once

#include <stdexcept>
#include <string>

namespace hal {

/// Root of everything the core throws. Not fitting is an answer, never an exception.
class HalError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A cluster, job, placement or topology that breaks a rule of the model; the state is as it was.
class InvalidModel : public HalError {
  public:
    using HalError::HalError;
};

/// An unknown, badly set up or failing policy.
class PolicyError : public HalError {
  public:
    using HalError::HalError;
};

}  // namespace hal
