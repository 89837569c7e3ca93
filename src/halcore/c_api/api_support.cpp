#include "halcore/c_api/api_support.h"

#include <cstdio>
#include <new>

#include "halcore/model/error.h"

namespace hal::c_api {
namespace {

// Fixed, so that saying what failed cannot fail.
thread_local char last_error[1024] = "";

int fail(int status, const char* why) noexcept {
    std::snprintf(last_error, sizeof last_error, "%s", why);
    return status;
}

}  // namespace

int failed() noexcept {
    try {
        throw;
    } catch (const Misuse& error) {
        return fail(HAL_ERROR_ARGUMENT, error.what());
    } catch (const InvalidModel& error) {
        return fail(HAL_ERROR_MODEL, error.what());
    } catch (const PolicyError& error) {
        return fail(HAL_ERROR_POLICY, error.what());
    } catch (const std::bad_alloc&) {
        return fail(HAL_ERROR_MEMORY, "out of memory");
    } catch (const std::length_error&) {
        return fail(HAL_ERROR_MEMORY, "more than fits in memory");
    } catch (const std::exception& error) {
        return fail(HAL_ERROR_INTERNAL, error.what());
    } catch (...) {
        return fail(HAL_ERROR_INTERNAL, "unknown error");
    }
}

}  // namespace hal::c_api

uint32_t hal_abi_version(void) {
    return HAL_ABI_VERSION;
}
uint32_t hal_abi_version_min(void) {
    return HAL_ABI_VERSION_MIN;
}
const char* hal_version(void) {
    return HAL_VERSION;
}
const char* hal_last_error(void) {
    return hal::c_api::last_error;
}
