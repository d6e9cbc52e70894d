"""``casstore completion``: a script that lets the shell complete what is typed.

Knows: click's own scripts.  Never: stores.
"""

import click
from click.shell_completion import get_completion_class

from casstore.cli.options import Options, Verb
from casstore.cli.output import print_json
from casstore.errors import Unsupported

__all__ = ["completion"]

BASH_WORDS = r"""
_casstore_words() {
    # bash takes a colon for the end of a word: name:version is put together again;
    # what it would read otherwise than it stands there is quoted
    local line="${COMP_LINE:0:COMP_POINT}" typed="${COMP_WORDS[COMP_CWORD]}" each
    local last="${line##*[[:space:]]}" words
    if [[ $line != *:* || $COMP_WORDBREAKS != *:* ]]; then
        _casstore_completion "$@"
    else
        IFS=$' \t\n' read -r -a words <<< "${line%"$last"}"
        COMP_WORDS=("${words[@]}" "$last")
        COMP_CWORD=${#words[@]}
        _casstore_completion "$@"
        COMPREPLY=("${COMPREPLY[@]#"${last%"${last##*:}"}"}")
    fi
    [[ $typed == [\"\']* ]] && return
    for each in "${!COMPREPLY[@]}"; do
        [[ ${COMPREPLY[each]} == *[!A-Za-z0-9_.,:@/+=-]* ]] &&
            printf -v "COMPREPLY[each]" %q "${COMPREPLY[each]}"
    done
}

complete -o nosort -F _casstore_words casstore"""
"""Follows click's script."""

FISH_COMMAS = ('string split "," $completion', 'string split -m 1 "," $completion')
"""What click cuts at every comma, and how it is cut at the first."""

ZSH_AGAIN = (
    "[[ $zsh_eval_context[-1] == loadautofunc ]]",
    "[[ $zsh_eval_context[-1] == (loadautofunc|shfunc) ]]",
)
"""How click's script in zsh's fpath knows that it completes: the first time, and every time."""

COMPLETE_VARIABLE = "_CASSTORE_COMPLETE"


@click.command(cls=Verb)
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "fish", "zsh"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print a script that lets SHELL, which is bash, fish or zsh, complete what you type.

    Verbs, options, names and versions, remotes, paths.  bash: eval "$(casstore completion bash)"
    in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit; fish: casstore completion fish >
    ~/.config/fish/completions/casstore.fish
    """
    options: Options = context.obj
    kind = get_completion_class(shell)
    if kind is None:
        raise Unsupported(f"click has no completion for {shell}", hint="upgrade click")
    script = kind(context.find_root().command, {}, "casstore", COMPLETE_VARIABLE).source()
    if shell == "bash":
        script += BASH_WORDS
    if shell == "fish":
        script = script.replace(*FISH_COMMAS)
    if shell == "zsh":
        script = script.replace(*ZSH_AGAIN)
    if options.json:
        print_json(shell=shell, script=script)
    else:
        click.echo(script)
