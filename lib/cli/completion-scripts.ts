// What each shell runs at Tab: the command itself, with the words typed so far as arguments, never as code. It answers lines of
// "word<TAB>description", or the one line ":files".

const BASH = `# lovage completion bash >> ~/.bashrc
_lovage_complete() {
  local word rest
  COMPREPLY=()
  while IFS=$'\\t' read -r word rest; do
    if [[ $word == :files ]]; then return; fi
    if [[ $word == "\${COMP_WORDS[COMP_CWORD]#=}"* ]]; then COMPREPLY+=("$word"); fi
  done < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _lovage_complete lovage
`;

const ZSH = `#compdef lovage
# lovage completion zsh > ~/.zfunc/_lovage, with fpath+=~/.zfunc before compinit; or: source <(lovage completion zsh)
_lovage() {
  local -a found
  local line
  while IFS= read -r line; do
    if [[ $line == :files ]]; then _files; return; fi
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${(Q)words[1]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  _describe lovage found
}
if [[ $funcstack[1] == _lovage ]]; then _lovage "$@"; else compdef _lovage lovage; fi
`;

const FISH = `# lovage completion fish > ~/.config/fish/completions/lovage.fish
function __lovage_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] complete -- $words[2..-1] 2>/dev/null)
  if test "$found[1]" = :files
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c lovage -f -a '(__lovage_complete)'
`;

export const SHELLS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
