#include "apps/data_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "data/data_source.hpp"
#include "files/lock.hpp"

namespace moescope {

namespace {

constexpr char const* example =
    R"(Every byte of text becomes one token (0 to 255), 256 ends a document: a vocabulary of 257 and no tokenizer file.
A domain is a kind of text with a name of its own, so that loads and losses can be told apart by it. Of each domain every
(1/held-out)-th document goes whole to the held-out part; binary files, symbolic links and repeated documents are skipped.

Example, with text that most Linux machines have:
  moescope data pack --out data/mixed --domain code=/usr/include:h,hpp --domain prose=/usr/share/doc --max-mb 8
then in the run's TOML file:
  [data]
  path = "data/mixed"
  weights = { code = 1.0, prose = 3.0 }   # leave out for equal weights)";

struct PackArguments {
  PackOptions options;
  std::vector<std::string> domains;
  double max_megabytes = 0;
  bool force = false;
};

/// Adds NAME=PATH[:suffix,suffix] to the domains. A path that exists as it stands may contain colons.
void add_domain(std::string const& text, std::vector<DomainInput>& domains) {
  auto const equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw UserError(fmt::format("--domain {}: must have the form NAME=PATH or NAME=PATH:suffix,suffix.", text));
  auto const name = text.substr(0, equals);
  auto path = text.substr(equals + 1);
  std::string suffixes;
  std::error_code ignored;
  if (auto const colon = path.rfind(':'); colon != std::string::npos && !std::filesystem::exists(path, ignored)) {
    suffixes = path.substr(colon + 1);
    path.resize(colon);
  }
  auto const same_name = [&](DomainInput const& domain) { return domain.name == name; };
  auto const known = std::find_if(domains.begin(), domains.end(), same_name);
  if (known == domains.end())
    domains.push_back({name, {path}, suffixes});
  else if (known->suffixes == suffixes)
    known->paths.push_back(path);
  else
    throw UserError(fmt::format("--domain {}: the paths of one domain must have the same suffixes; before, they were '{}'.", text,
                                known->suffixes));
}

PackOptions options_from(PackArguments const& arguments) {
  auto options = arguments.options;
  refuse_tilde("--out", options.output);
  for (auto const& domain : arguments.domains) add_domain(domain, options.domains);
  if (!(arguments.max_megabytes >= 0 && arguments.max_megabytes < 1e9))
    throw UserError(fmt::format("--max-mb {}: must lie between 0 (no limit) and 1e9.", arguments.max_megabytes));
  options.max_bytes_per_domain = std::llround(arguments.max_megabytes * 1e6);
  if (arguments.max_megabytes > 0 && options.max_bytes_per_domain == 0)
    throw UserError(fmt::format("--max-mb {}: is less than a byte; 0 stands for no limit.", arguments.max_megabytes));
  return options;
}

void pack(PackArguments const& arguments) {
  auto const options = options_from(arguments);
  if (!arguments.force && is_packed_folder(options.output)) {
    if (!is_packed_from(options))
      throw UserError(options.output +
                      ": holds text packed from other inputs; add --force to replace it, or choose another --out.");
    fmt::print("{} is already packed from the same inputs (add --force to read them again).\n", options.output);
  } else {
    fmt::print("{}", pack_text(options));
  }
  fmt::print(
      "Packed text is in {}. Next: set path = \"{}\" under [data] in the run's TOML file, and model.vocab_size to 257 or more.\n",
      options.output, options.output);
}

}  // namespace

void add_data_command(CLI::App& app) {
  auto* const data = app.add_subcommand("data", "Prepare text to train on");
  data->require_subcommand(1);
  auto* const command = data->add_subcommand("pack", "Turn text files into token files, by domain and with a held-out part");
  auto const arguments = std::make_shared<PackArguments>();
  command->add_option("--out", arguments->options.output, "Folder to make, or a packed one to replace")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--domain", arguments->domains,
                   "A name and a file or folder to read, all files of a folder or only those with a suffix; repeat it for more "
                   "domains, and with the same name for more paths")
      ->required()
      ->allow_extra_args(false)
      ->type_name("NAME=PATH[:suffix,suffix]");
  command->add_option("--max-mb", arguments->max_megabytes, "Stop a domain after so many MB (1e6 bytes) of text; 0: no limit")
      ->type_name("N");
  command->add_option("--held-out", arguments->options.held_out_fraction, "Share of the documents that is kept for evaluation")
      ->type_name("FRACTION")
      ->capture_default_str();
  command->add_flag("--force", arguments->force, "Pack again where packed text is already");
  command->footer(example);
  command->callback([arguments] { pack(*arguments); });
}

}  // namespace moescope
