# bash completion for mesoctl, mesod and meso-gun                          -*- shell-script -*-
# SPDX-License-Identifier: GPL-2.0-only
# What there is to complete is read from what the programs say with --help, which asks no daemon. Patients are completed
# by nobody: who they are is no business of a shell's.

# _meso_values <what a program calls a value>: the words that it may be, or files. True if there is something to say.
_meso_values() {
	local formulary=(/usr/share/meso/formulary.conf /usr/local/share/meso/formulary.conf /etc/meso/formulary.conf
		/etc/meso/formulary.d/*.conf)
	case $1 in
	GUN) words=$(command ls "${MESO_GUNS:-/dev/meso/by-serial}" 2>/dev/null) ;;
	AREA | PREPARATION) words=$(sed -nE "s/^\[${1,,} ([a-z0-9-]+)\].*/\1/p" "${formulary[@]}" 2>/dev/null) ;;
	MODE) words='single repeat' ;;
	FORM) words='ndjson csv' ;;
	*'|'*) words=${1//'|'/ } ;;
	FILE | DIR | PATH | PATH... | BACKUP | LAYER... | PLACE...)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return 1
		;;
	*) return 1 ;;
	esac
}

# _meso_value_of <option> <help>: what the program calls its value, into value.
_meso_value_of() {
	value=$(sed -nE "s/^ +${1}[ =]\[?=?([A-Z][A-Z.]*|[a-z]+\|[a-z|]+)( .*|\]?$)/\1/p" <<<"$2" | head -n 1)
	[[ $1 != --preparation ]] || value=PREPARATION
}

_meso() {
	local cur=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} said='' words='' word value='' option='' path=()
	COMPREPLY=()
	# --option=value are three words to readline.
	[[ $cur != = ]] || cur=
	said=$("$program" --help </dev/null 2>/dev/null) || return
	# The command so far: words that are neither options nor their values.
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $word != = ]] || continue
		value=
		[[ -z $option ]] || _meso_value_of "$option" "$said"
		option=
		[[ -z $value ]] || continue
		case $word in
		--) return ;;
		-*) option=$word ;;
		*)
			path+=("$word")
			# A command's own options are in its own words.
			if [[ ${program##*/} == mesoctl && ${#path[@]} -le 2 ]]; then
				said=$("$program" "${path[@]}" --help </dev/null 2>/dev/null) || return
			fi
			;;
		esac
	done
	value=
	[[ -z $option ]] || _meso_value_of "$option" "$said"
	if [[ -n $value ]]; then
		_meso_values "$value" && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		words=$(grep -oE -- '--[a-z][a-z-]*' <<<"$(sed -nE '/^ +-/p;/^ +mesoctl /p' <<<"$said")" | sort -u)
		[[ ${program##*/} == mesoctl && ${#path[@]} -gt 0 ]] && words+=' --help'
	elif [[ ${program##*/} == mesoctl && ${#path[@]} -eq 0 ]]; then
		words=$(sed -nE 's/^  ([a-z][a-z-]*)  .*/\1/p' <<<"$said")
	elif [[ ${program##*/} == mesoctl && ${#path[@]} -eq 1 && $said == *"  mesoctl ${path[0]} "* ]]; then
		words=$(sed -nE "s/^  mesoctl ${path[0]} ([a-z-]+).*/\1/p" <<<"$said")
	else
		value=$(grep -oE '\b(GUN|FILE|BACKUP|LAYER\.\.\.)' <<<"$(sed -n 's/^usage: //p' <<<"$said")" | head -n 1)
		_meso_values "$value" || return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _meso mesoctl mesod meso-gun
