#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace hal {

/// Strings to small dense integers, in the order they were first seen.
class Interner {
  public:
    static constexpr std::uint32_t kNone = UINT32_MAX;

    Interner() = default;
    Interner(const Interner& other) : names_(other.names_) { reindex(); }
    Interner& operator=(const Interner& other) {
        names_ = other.names_;
        reindex();
        return *this;
    }

    std::uint32_t intern(std::string_view text) {
        if (auto it = ids_.find(text); it != ids_.end()) return it->second;
        names_.emplace_back(text);
        const auto id = static_cast<std::uint32_t>(names_.size() - 1);
        ids_.emplace(names_.back(), id);
        return id;
    }
    std::uint32_t find(std::string_view text) const {
        auto it = ids_.find(text);
        return it == ids_.end() ? kNone : it->second;
    }
    const std::string& name(std::uint32_t id) const { return names_[id]; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }

  private:
    void reindex() {
        ids_.clear();
        for (std::uint32_t i = 0; i < names_.size(); ++i) ids_.emplace(names_[i], i);
    }

    std::deque<std::string> names_;  // a deque keeps the views in ids_ valid
    std::unordered_map<std::string_view, std::uint32_t> ids_;
};

}  // namespace hal
