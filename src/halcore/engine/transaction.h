#pragma once

#include "halcore/model/cluster.h"

namespace hal {

/// Undoes everything since it was made, unless told to keep it.
class Transaction {
  public:
    explicit Transaction(Cluster& cluster) : cluster_(cluster), mark_(cluster.mark()) {}
    ~Transaction() {
        if (open_) cluster_.rollback(mark_);
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void keep() {
        open_ = false;
        cluster_.keep(mark_);
    }

  private:
    Cluster& cluster_;
    Cluster::Mark mark_;
    bool open_ = true;
};

}  // namespace hal
