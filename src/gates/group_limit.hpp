#pragma once
#include <cstdint>

#include "base/views.hpp"

namespace moescope::gates {

/// `ranking` [tokens,E] with -infinity for the experts of all but the `groups_kept` best of `num_groups` equally large groups of
/// consecutive experts (DeepSeek-V2: device-limited, DeepSeek-V3: node-limited). A group's score is the sum of its `best`
/// largest, 1 or 2; ties go to the lower group.
template <class A>
Matrix<A> limit_groups(ExecSpace const& exec, ConstMatrix<A> ranking, std::int64_t num_groups, std::int64_t groups_kept,
                       int best);

}  // namespace moescope::gates
