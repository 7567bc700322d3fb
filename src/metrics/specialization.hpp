#pragma once
#include <cstdint>
#include <span>

/// How much the experts of one router specialise in the domains of the text.
namespace moescope::metrics {

/// Mutual information of domain and expert in bits: of a choice drawn from a domain drawn evenly, what its expert tells of the
/// domain (Shannon 1948). sum over d and e of p(e|d) / D log2(p(e|d) / p(e)), p(e) the mean over domains of p(e|d): the
/// Jensen-Shannon divergence of the domains' shares (Lin, "Divergence Measures Based on the Shannon Entropy", 1991). Between 0,
/// where all domains share out their choices alike, and min(log2 D, log2 E). `counts` is [D,E]; NaN where there is no domain or
/// one without a choice.
double domain_information(std::span<std::int64_t const> counts, std::int64_t domains);

}  // namespace moescope::metrics
