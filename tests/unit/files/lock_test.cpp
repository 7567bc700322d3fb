#include "files/lock.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/host.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/user_error.hpp"

using namespace moescope;
namespace fs = std::filesystem;

namespace {

std::string refusal(std::string const& path) {
  return user_error_of([&] { Lock const lock(path, "take another"); });
}

}  // namespace

TEST_CASE("what one run writes is refused to another, by every way to it, until the first has ended") {
  TemporaryFolder const folder;
  auto const path = folder / "new/run.h5";
  {
    Lock const lock(path, "");
    CHECK(fs::exists(path + ".lock"));
    CHECK(mentions(refusal(path), host_name()));
    CHECK(mentions(refusal(path), "take another"));
    fs::create_directory_symlink(folder / "new", folder / "link");
    CHECK(mentions(refusal(folder / "link/run.h5"), "being written by another run"));
    CHECK(mentions(refusal(folder / "new/../new/run.h5"), "being written by another run"));
  }
  CHECK_FALSE(fs::exists(path + ".lock"));
  CHECK(refusal(path).empty());
}

TEST_CASE("a relative path to a file that is not there yet is the same as its absolute one") {
  TemporaryFolder const folder;
  auto const before = fs::current_path();
  fs::current_path(folder / ".");
  {
    Lock const lock("run.h5", "");
    CHECK(mentions(refusal(folder / "run.h5"), "being written by another run"));
    fs::create_directory("sub");
    fs::current_path("sub");
    CHECK(mentions(refusal("../run.h5"), "being written by another run"));
  }
  fs::current_path(before);
}

TEST_CASE("what a process left that has ended is taken over") {
  TemporaryFolder const folder;
  auto const path = folder / "run.h5";
  folder.write("run.h5.lock", host_name() + " 999999999 1\n");
  CHECK(refusal(path).empty());
  folder.write("run.h5.lock", host_name() + " 1 1\n");  // another process got the number
  CHECK(refusal(path).empty());
  folder.write("run.h5.lock", "");
  CHECK(mentions(refusal(path), "an unknown host"));
}

TEST_CASE("a process that was killed holds nothing, fetched by its parent or not") {
  TemporaryFolder const folder;
  auto const path = folder / "run.h5";
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  auto const child = ::fork();
  if (child == 0) {
    Lock const lock(path, "");
    bool const told = ::write(ready[1], "x", 1) == 1;
    for (; told;) ::pause();
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(mentions(refusal(path), std::to_string(child)));
  ::kill(child, SIGKILL);
  siginfo_t ended;
  ::waitid(P_PID, id_t(child), &ended, WEXITED | WNOWAIT);
  CHECK(refusal(path).empty());
  ::waitpid(child, nullptr, 0);
}

TEST_CASE("a process on another host holds its lock as long as it shows signs of life") {
  TemporaryFolder const folder;
  auto const path = folder / "run.h5", lock = folder.write("run.h5.lock", "elsewhere 7 1\n");
  CHECK(mentions(refusal(path), "process 7 on elsewhere"));
  fs::last_write_time(lock, fs::file_time_type::clock::now() - Lock::lost_after - std::chrono::minutes(1));
  CHECK(refusal(path).empty());
}

TEST_CASE("who holds a lock is told, and whether it lives where this host knows") {
  TemporaryFolder const folder;
  auto const path = folder / "run.h5";
  CHECK_FALSE(lock_holder(path));
  {
    Lock const lock(path, "");
    CHECK(lock_holder(path)->host == host_name());
    CHECK(lock_holder(path)->process == ::getpid());
    CHECK(lock_holder(path)->alive == true);
  }
  folder.write("run.h5.lock", host_name() + " 999999999 1\n");
  CHECK(lock_holder(path)->alive == false);
  folder.write("run.h5.lock", "elsewhere 7 1\n");
  CHECK(lock_holder(path)->host == "elsewhere");
  CHECK_FALSE(lock_holder(path)->alive.has_value());
}

TEST_CASE("a lock that moved has one owner") {
  TemporaryFolder const folder;
  auto const path = folder / "run.h5";
  {
    Lock first(path, "");
    Lock const second(std::move(first));
    CHECK(fs::exists(path + ".lock"));
    second.refresh();
  }
  CHECK_FALSE(fs::exists(path + ".lock"));
}

TEST_CASE("a path that a shell should have expanded is refused") {
  CHECK(mentions(user_error_of([] { refuse_tilde("--out", "~/x.h5"); }), "--out ~/x.h5"));
  CHECK(mentions(user_error_of([] { refuse_tilde("--out", "~"); }), "$HOME"));
  CHECK(user_error_of([] { refuse_tilde("--out", "~x.h5"); }).empty());
  CHECK(user_error_of([] { refuse_tilde("--out", "./~/x.h5"); }).empty());
}
