/**
 * For bash 3.2 and later, without the package bash-completion. What is typed is passed on as it is: nothing of it is
 * evaluated while the user only asks for candidates.
 */
export const BASH_COMPLETION = `# bash completion for cody-batch
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
