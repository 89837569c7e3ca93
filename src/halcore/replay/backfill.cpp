#include "halcore/replay/backfill.h"

#include "halcore/model/error.h"
#include "halcore/replay/conservative_backfill.h"
#include "halcore/replay/easy_backfill.h"

namespace hal::replay {

std::unique_ptr<Backfill> make_backfill(const std::string& name, const BackfillOptions&) {
    if (name == "none") return std::make_unique<NoBackfill>();
    if (name == "easy") return std::make_unique<EasyBackfill>(false);
    if (name == "easy_sjbf") return std::make_unique<EasyBackfill>(true);
    if (name == "conservative") return std::make_unique<ConservativeBackfill>();
    throw PolicyError("backfill: unknown name '" + name + "'; use none, easy, easy_sjbf or conservative");
}

}  // namespace hal::replay
