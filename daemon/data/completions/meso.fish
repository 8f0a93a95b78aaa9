# SPDX-License-Identifier: GPL-2.0-only
# What there is to complete is read from what the programs say with --help, which asks no daemon. Patients are completed
# by nobody: who they are is no business of a shell's.

# What a program calls a value.
function __meso_values
    switch $argv[1]
        case GUN
            set -q MESO_GUNS; or set -l MESO_GUNS /dev/meso/by-serial
            path basename $MESO_GUNS/*
        case AREA PREPARATION
            set -l kind (string lower $argv[1])
            set -l formulary /usr/share/meso/formulary.conf /usr/local/share/meso/formulary.conf /etc/meso/formulary.conf /etc/meso/formulary.d/*.conf
            cat $formulary 2>/dev/null | string replace -rf "^\[$kind ([a-z0-9-]+)\].*" '$1'
        case MODE
            printf '%s\n' single repeat
        case FORM
            printf '%s\n' ndjson csv
        case '*|*'
            string split '|' $argv[1]
        case FILE DIR PATH BACKUP LAYER PLACE
            __fish_complete_path (commandline -ct)
    end
end

function __meso_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -l program $tokens[1]
    command -q $program; or return
    set -l is_ctl (string match -q '*mesoctl' $program; and echo yes)
    set -l chain
    set -l option
    set -l said ($program --help </dev/null 2>/dev/null)
    for word in $tokens[2..]
        if test -n "$option"; and string match -rq -- "^ +$option \[?([A-Z]+|[a-z]+\|[a-z|]+)" $said
            set option
            continue
        end
        set option
        switch $word
            case --
                return
            case '-*=*'
            case '-*'
                set option $word
            case '*'
                set -a chain $word
                if test -n "$is_ctl" -a (count $chain) -le 2
                    set said ($program $chain --help </dev/null 2>/dev/null)
                end
        end
    end
    set -l before ''
    if string match -q -- '--*=*' $current
        set option (string replace -r '=.*' '' -- $current)
        set before $option=
    end
    if test -n "$option"
        set -l value (string replace -rf -- "^ +$option"'[ =]\[?=?([A-Z]+|[a-z]+\|[a-z|]+).*' '$1' $said)[1]
        if test -n "$value"
            test $option = --preparation; and set value PREPARATION
            for word in (__meso_values $value)
                echo $before$word
            end
            return
        end
    end
    if string match -q -- '-*' $current
        string match -r '^ +(?:-|mesoctl ).*' $said | string match -ra -- '--[a-z][a-z-]*' | sort -u
        test -n "$is_ctl" -a (count $chain) -gt 0; and echo -- --help
    else if test -n "$is_ctl" -a (count $chain) -eq 0
        string replace -rf '^  ([a-z][a-z-]*)  +(.*)' '$1\t$2' $said
    else if test -n "$is_ctl" -a (count $chain) -eq 1; and string match -q "  mesoctl $chain[1] *" $said
        string replace -rf "^  mesoctl $chain[1] ([a-z-]+).*" '$1' $said
    else
        set -l value (string match -r 'GUN|FILE|BACKUP|LAYER' (string match 'usage: *' $said))[1]
        test -n "$value"; and __meso_values $value
    end
end

complete -c mesoctl -c mesod -c meso-gun -f -a '(__meso_complete)'
