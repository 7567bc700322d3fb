#include "run/binding.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace moescope {

namespace {

/// Augmenting paths (Kuhn): gives `thread` a core, moving others to another one of theirs where that is needed.
bool give_core(ThreadCores const& threads, std::size_t thread, std::map<int, std::size_t>& owner, std::set<int>& tried) {
  for (auto const core : threads[thread]) {
    if (!tried.insert(core).second) continue;
    auto const held = owner.find(core);
    if (held != owner.end() && !give_core(threads, held->second, owner, tried)) continue;
    owner[core] = thread;
    return true;
  }
  return false;
}

std::vector<std::string> separated(std::string const& text, char separator) {
  std::vector<std::string> parts(1);
  for (auto const c : text)
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

std::vector<int> cores_of(std::string const& ranges) {
  std::vector<int> cores;
  for (auto const& range : separated(ranges, ',')) {
    int first = 0, last = 0;
    auto const* const end = range.data() + range.size();
    auto const [after, error] = std::from_chars(range.data(), end, first);
    if (error != std::errc{}) continue;
    last = first;
    if (after != end) std::from_chars(after + 1, end, last);
    for (; first <= last; ++first) cores.push_back(first);
  }
  return cores;
}

}  // namespace

std::vector<int> cores_of_process() {
  std::vector<int> cores;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  return cores;
}

ThreadCores cores_of_threads(int threads) {
  ThreadCores cores(static_cast<std::size_t>(threads));
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(static, 1)
#endif
  for (int thread = 0; thread < threads; ++thread) cores[std::size_t(thread)] = cores_of_process();
  return cores;
}

bool have_cores_of_their_own(ThreadCores const& threads) {
  std::map<int, std::size_t> owner;
  for (std::size_t thread = 0; thread < threads.size(); ++thread) {
    std::set<int> tried;
    if (!give_core(threads, thread, owner, tried)) return false;
  }
  return true;
}

std::string core_text(std::vector<int> const& cores) {
  std::string text;
  for (std::size_t first = 0, last = 0; first < cores.size(); first = last + 1) {
    for (last = first; last + 1 < cores.size() && cores[last + 1] == cores[last] + 1;) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", cores[first]);
    if (last > first) text += fmt::format("-{}", cores[last]);
  }
  return text;
}

std::string core_text(ThreadCores const& threads) {
  std::vector<std::string> texts;
  for (auto const& cores : threads) texts.push_back(core_text(cores));
  bool const all_alike = std::adjacent_find(texts.begin(), texts.end(), std::not_equal_to<>()) == texts.end();
  if (all_alike && !texts.empty()) texts.resize(1);
  return fmt::format("{}", fmt::join(texts, ";"));
}

ThreadCores cores_from_text(std::string const& text, std::int64_t threads) {
  ThreadCores result;
  for (auto const& part : separated(text, ';')) result.push_back(cores_of(part));
  if (result.size() == 1) result.resize(std::size_t(threads), result.front());
  return result;
}

Binding gather_binding(Communicator const& world, std::vector<std::string> const& hosts, int threads) {
  auto const texts = world.gather(core_text(cores_of_threads(threads)), 0);
  Binding binding;
  std::map<std::string, ThreadCores> of_host;
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    binding.ranks += fmt::format("{}rank {}: {}", rank == 0 ? "" : " | ", rank, texts[rank]);
    for (auto& cores : cores_from_text(texts[rank], threads)) of_host[hosts.at(rank)].push_back(std::move(cores));
  }
  for (auto const& [host, cores] : of_host)
    if (!have_cores_of_their_own(cores)) binding.crowded.push_back(host);
  return binding;
}

std::string crowded_notice(Binding const& binding) {
  if (binding.crowded.empty()) return "";
  return fmt::format(
      "threads share cores on {} ({}): times of this run measure the scheduler, and no figure is drawn from them; give every "
      "thread a "
      "core of its own: fewer ranks or OMP_NUM_THREADS, or mpirun --map-by slot:PE=THREADS --bind-to core, or srun "
      "--cpu-bind=cores",
      fmt::join(binding.crowded, ", "), binding.ranks);
}

}  // namespace moescope
