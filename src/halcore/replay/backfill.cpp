#include "halcore/replay/backfill.h"

#include <string>
#include <utility>

#include "halcore/model/error.h"
#include "halcore/replay/conservative_backfill.h"
#include "halcore/replay/easy_backfill.h"
#include "halcore/replay/slot_backfill.h"

namespace hal::replay {

namespace {

void check_holds(const std::vector<Hold>& holds) {
    for (const Hold& hold : holds)
        if (hold.begin < 0 || hold.begin >= hold.end || hold.end > kNever / 4 || hold.procs < 1)
            throw InvalidModel("reservation of " + std::to_string(hold.procs) + " processors from " +
                               std::to_string(hold.begin) + " to " + std::to_string(hold.end) +
                               ": give at least 1 processor and an end after the begin");
}

}  // namespace

std::unique_ptr<Backfill> make_backfill(const std::string& name, const BackfillOptions& options,
                                        std::vector<Hold> holds) {
    check_holds(holds);
    if (name == "conservative") return std::make_unique<ConservativeBackfill>(std::move(holds));
    if (name == "slots") return std::make_unique<SlotBackfill>(options, std::move(holds));
    if (!holds.empty()) refuse_holds(name);
    if (name == "none") return std::make_unique<NoBackfill>();
    if (name == "easy") return std::make_unique<EasyBackfill>(false);
    if (name == "easy_sjbf") return std::make_unique<EasyBackfill>(true);
    refuse_backfill(name);
}

void refuse_holds(const std::string& name) {
    throw PolicyError("backfill: '" + name +
                      "' plans for one job at most and cannot keep reservations; use conservative or slots");
}

void refuse_backfill(const std::string& name) {
    throw PolicyError("backfill: unknown name '" + name +
                      "'; use none, easy, easy_sjbf, conservative or slots");
}

}  // namespace hal::replay
