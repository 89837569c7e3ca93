#include "bindings.h"
#include "halcore/model/error.h"

namespace nb = nanobind;

namespace hal::bindings {

// The Python classes live in hal.errors; they are looked up once and leaked, as nanobind does with its own.
static nb::object* error_class(const char* name) {
    return new nb::object(nb::module_::import_("hal.errors").attr(name));
}

void bind_errors(nb::module_&) {
    nb::register_exception_translator([](const std::exception_ptr& p, void*) {
        static nb::object* base = error_class("HalError");
        static nb::object* model = error_class("InvalidModel");
        static nb::object* policy = error_class("PolicyError");
        try {
            std::rethrow_exception(p);
        } catch (const InvalidModel& e) {
            PyErr_SetString(model->ptr(), e.what());
        } catch (const PolicyError& e) {
            PyErr_SetString(policy->ptr(), e.what());
        } catch (const HalError& e) {
            PyErr_SetString(base->ptr(), e.what());
        }
    });
}

}  // namespace hal::bindings
