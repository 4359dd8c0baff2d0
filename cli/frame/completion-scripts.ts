/*
 * The typed words are passed on unchanged, and the shell evaluates none of them while the user asks for candidates. A shell completes
 * names of files itself, if the command offers nothing.
 */

/** For bash 3.2 and later, without the package bash-completion. */
const BASH = `# bash completion for cody-batch
_cody_batch() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    # The last line is a number for other shells.
    if [[ $line == :* ]]; then continue; fi
    line=\${line%%$'\\t'*}
    if [[ $line == "\${COMP_WORDS[COMP_CWORD]}"* ]]; then COMPREPLY+=("$line"); fi
  done < <(cody-batch complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _cody_batch cody-batch
`;

/** As a file in `fpath`, or sourced. */
const ZSH = `#compdef cody-batch
_cody_batch() {
  local line
  local -a offered
  for line in "\${(@f)$(cody-batch complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    # The last line is a number for other shells.
    if [[ -z $line || $line == :* ]]; then continue; fi
    offered+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if [[ $words[CURRENT] == --*=* ]]; then compset -P '*='; fi
  if (( $#offered )); then _describe 'cody-batch' offered; else _files; fi
}
if [[ $funcstack[1] == _cody-batch ]]; then _cody_batch "$@"; else compdef _cody_batch cody-batch; fi
`;

/** For fish 3 and later. */
const FISH = `# fish completion for cody-batch
function __cody_batch_offers
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -g __cody_batch_offered (cody-batch complete -- $words[2..-1] "$last" 2>/dev/null | string match -v -r '^:\\d+$')
    if string match -q -r -- '^--[^=]+=' "$last"
        set __cody_batch_offered (string match -r -- '^--[^=]+=' "$last")$__cody_batch_offered
    end
    test -n "$__cody_batch_offered"
end
complete -c cody-batch -e
complete -c cody-batch -n __cody_batch_offers -f -a '$__cody_batch_offered'
`;

export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
