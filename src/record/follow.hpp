#pragma once
#include <cstdint>
#include <string>

namespace moescope {

/// Reads the file of a run again and again while the run writes it, without a lock that could stand in its way: its partial file,
/// then the one that this becomes.
class FollowedRun {
 public:
  /// Of the file by its partial or its final name.
  explicit FollowedRun(std::string const& path);

  /// A line for each step since the last call, at the first one for the last step alone; then, where the run has ended, how.
  /// Throws UserError where there is no run file, and where that of a run that lives can still not be read after many calls.
  std::string news();
  bool ended() const { return ended_; }

 private:
  std::string newest_path() const;
  bool writer_lives() const;
  std::string read(bool written);

  std::string path_;
  std::int64_t told_ = -1;  ///< steps; -1 before the first
  int failures_ = 0;
  bool ended_ = false;
};

}  // namespace moescope
