// Completion scripts, made from the command line's own description so that they cannot go stale.
#include <algorithm>

#include "client/cli.h"

namespace sparsweep {
namespace {

std::string Escaped(std::string text, const std::string& special, const std::string& with) {
  for (size_t i = 0; (i = text.find_first_of(special, i)) != std::string::npos;
       i += with.size() + 1) {
    text.insert(i, with);
  }
  return text;
}

// Files are offered where a file, a folder or nothing better is expected.
struct Flag {
  std::string name, what;
  bool takes_value;
};
std::vector<Flag> Flags(const CLI::App& command) {
  std::vector<Flag> out;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      out.push_back({"--" + name, option->get_description(), option->get_expected_max() > 0});
    }
  }
  return out;
}

std::string Bash(const CLI::App& app) {
  std::string commands, cases;
  for (const CLI::App* command : app.get_subcommands({})) {
    commands += " " + command->get_name();
    std::string flags;
    for (const Flag& flag : Flags(*command)) flags += " " + flag.name;
    cases += "    " + command->get_name() + ") words=\"" + flags.substr(1) + "\" ;;\n";
  }
  return "# bash completion for sparsweep\n"
         "_sparsweep() {\n"
         "  local word=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         commands.substr(1) +
         " --help --version\" -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  case \"${COMP_WORDS[1]}\" in\n" +
         cases +
         "  esac\n"
         "  case \"$word\" in\n"
         "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
         "    *) if [ \"${COMP_WORDS[1]}\" = completion ]; then\n"
         "         COMPREPLY=($(compgen -W \"bash zsh fish\" -- \"$word\"))\n"
         "       else\n"
         "         COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "       fi ;;\n"
         "  esac\n"
         "}\n"
         "complete -o filenames -F _sparsweep sparsweep\n";
}

std::string Zsh(const CLI::App& app) {
  std::string commands, cases;
  for (const CLI::App* command : app.get_subcommands({})) {
    commands += "    '" + command->get_name() + ":" +
                Escaped(command->get_description(), ":'", "\\") + "'\n";
    cases += "    " + command->get_name() + ") _arguments";
    for (const Flag& flag : Flags(*command)) {
      std::string what = flag.what;
      std::erase_if(what, [](char c) { return c == '\'' || c == '[' || c == ']'; });
      cases += " \\\n      '" + flag.name + "[" + Escaped(what, ":", "\\") + "]" +
               (flag.takes_value ? ":value:_files" : "") + "'";
    }
    cases += std::string(" \\\n      '*:argument:") +
             (command->get_name() == "completion" ? "(bash zsh fish)" : "_files") + "' ;;\n";
  }
  return "#compdef sparsweep\n"
         "_sparsweep() {\n"
         "  local -a commands\n"
         "  commands=(\n" +
         commands +
         "  )\n"
         "  if (( CURRENT == 2 )); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  (( CURRENT-- ))\n"
         "  case $command in\n" +
         cases +
         "  esac\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _sparsweep ]; then _sparsweep; else compdef _sparsweep "
         "sparsweep; fi\n";
}

std::string Fish(const CLI::App& app) {
  std::string out = "# fish completion for sparsweep\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    out += "complete -c sparsweep -n __fish_use_subcommand -f -a " + command->get_name() + " -d '" +
           Escaped(command->get_description(), "'\\", "\\") + "'\n";
    for (const Flag& flag : Flags(*command)) {
      out += "complete -c sparsweep -n '__fish_seen_subcommand_from " + command->get_name() +
             "' -l " + flag.name.substr(2) + (flag.takes_value ? " -r" : "") + " -d '" +
             Escaped(flag.what, "'\\", "\\") + "'\n";
    }
  }
  return out +
         "complete -c sparsweep -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh "
         "fish'\n";
}

}  // namespace

std::string CompletionScript(const CLI::App& app, const std::string& shell) {
  if (shell == "zsh") return Zsh(app);
  if (shell == "fish") return Fish(app);
  return Bash(app);
}

}  // namespace sparsweep
