# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# Completion of the weft command line tool for bash. Commands and options are taken
# from its help texts, so that they are never out of step; names come from its lists.

_weft_ana="optimized non_optimized inaccessible persistent_loss change"

# _weft_words GROUP: the words that may follow GROUP
_weft_words() {
	weft $1 --help 2> /dev/null | awk -v group="$1" '
		/^  [a-z]/ {
			line = substr($0, 3)
			if (group != "") {
				if (index(line, group " ") != 1)
					next
				line = substr(line, length(group) + 2)
			}
			split(line, word, /[ \t]/)
			if (word[1] ~ /^[a-z-]+$/)
				print word[1]
		}' | sort -u
}

# _weft_options COMMAND: its long options
_weft_options() {
	weft $1 --help 2> /dev/null | sed -n 's/^  \(-., \|    \)\(--[a-z0-9-]*\).*/\2/p'
}

# _weft_choices COMMAND OPTION: what its help says that it takes, as in on|off
_weft_choices() {
	weft $1 --help 2> /dev/null |
		sed -n 's/^.* '"$2"' \([a-z_|-]*|[a-z_|-]*\).*/\1/p' | tr '|' ' '
}

# _weft_names COMMAND MEMBER...: values of these members in a JSON listing
_weft_names() {
	local command=$1 member
	shift
	for member; do
		weft $command --json 2> /dev/null |
			sed -n 's/^ *"'"$member"'": "\(.*\)",\{0,1\}$/\1/p'
	done | sort -u
}

# _weft_hosts: NQNs of the hosts that the target knows: by their I/O or limits, or as admitted
_weft_hosts() {
	{
		weft target rpc nvmf_get_statistics
		weft target subsystem list --json
	} 2> /dev/null | sed -n -e 's/^ *"hostnqn": "\(.*\)",\{0,1\}$/\1/p' \
		-e '/"hosts": \[$/,/\]/s/^ *"nqn": "\(.*\)",\{0,1\}$/\1/p' | sort -u
}

# _weft_offer NAMES: those, one a line, that begin as the word does. Others have given them:
# compgen -W would expand what is in them, and run it.
_weft_offer() {
	local name
	COMPREPLY=()
	while IFS= read -r name; do
		if [[ -n $name && $name == "$cur"* ]]; then
			printf -v name %q "$name"
			COMPREPLY+=("$name")
		fi
	done <<< "$1"
}

# _weft_actions COMMAND: of the reservation commands
_weft_actions() {
	case $1 in
	*resv-register) echo register unregister replace ;;
	*resv-acquire) echo acquire preempt preempt-abort ;;
	*resv-release) echo release clear ;;
	esac
}

_weft() {
	local cur prev words cword command word n=0
	if declare -F _init_completion > /dev/null; then
		# names of subsystems have colons in them
		_init_completion -n : || return
	else
		words=("${COMP_WORDS[@]}")
		cword=$COMP_CWORD
		cur=${COMP_WORDS[COMP_CWORD]}
		prev=${COMP_WORDS[COMP_CWORD - 1]}
	fi
	command=
	for word in "${words[@]:1:cword-1}"; do
		[[ $word == [a-z]* ]] || break
		_weft_words "$command" | grep -qx -- "$word" || break
		command=${command:+$command }$word
		n=$((n + 1))
	done

	COMPREPLY=()
	case $prev in
	--dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	-r | --rpc-socket | --file | --expect | --ptpl-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-t | --transport)
		mapfile -t COMPREPLY < <(compgen -W "rdma tcp" -- "$cur")
		return
		;;
	--pattern)
		mapfile -t COMPREPLY < <(compgen -W "read write randread randwrite rw randrw" -- "$cur")
		return
		;;
	--ana-state)
		mapfile -t COMPREPLY < <(compgen -W "$_weft_ana" -- "$cur")
		return
		;;
	--dup-host-policy)
		mapfile -t COMPREPLY < <(compgen -W "allow restrict_per_listener" -- "$cur")
		return
		;;
	--discovery-filter)
		mapfile -t COMPREPLY < <(compgen -W "match_any transport address svcid" -- "$cur")
		return
		;;
	--verify)
		mapfile -t COMPREPLY < <(compgen -W "crc pattern" -- "$cur")
		return
		;;
	--reset)
		mapfile -t COMPREPLY < <(compgen -W "all maxmin error" -- "$cur")
		return
		;;
	--op)
		mapfile -t COMPREPLY < <(compgen -W "read write flush unmap write_zeroes" -- "$cur")
		return
		;;
	--action)
		mapfile -t COMPREPLY < <(compgen -W "$(_weft_actions "$command")" -- "$cur")
		return
		;;
	-d | --device)
		_weft_offer "$(_weft_names list name)"
		return
		;;
	--*)
		mapfile -t COMPREPLY < <(compgen -W "$(_weft_choices "$command" "$prev")" -- "$cur")
		[[ ${#COMPREPLY[@]} == 0 ]] || return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_weft_options "$command")" -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(_weft_words "$command")" -- "$cur")
	[[ ${#COMPREPLY[@]} == 0 ]] || return
	_weft_argument "$command" $((cword - n))
	if declare -F __ltrim_colon_completions > /dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

# _weft_argument COMMAND N: the N-th argument of a whole command
_weft_argument() {
	local list= names=
	case "$1 $2" in
	"load 1") list="rdma tcp" ;;
	"rxe add 2") names=$(cd /sys/class/net && printf '%s\n' *) ;;
	"rxe del 1") names=$(_weft_names "rxe list" name) ;;
	"target transport "*" 1" | "target referral "*" 1" | "target listener "*" 2")
		list="rdma tcp"
		;;
	"target listener ana 4") list=$_weft_ana ;;
	"target host any 2" | "target bdev histogram 2" | "target log flag 2") list="on off" ;;
	"target bdev inject 2") list="read write unmap flush all clear" ;;
	"target bdev inject 3") list="failure nvme_failure pending corrupt_data nomem" ;;
	"target log level 1") list="ERROR WARNING NOTICE INFO DEBUG" ;;
	"target log flag 1") names=$(weft target log flag --json 2> /dev/null |
		sed -n 's/^ *"\(.*\)": \(true\|false\),\{0,1\}$/\1/p') ;;
	"target bdev add file 2" | "target config "*" 1")
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	"target bdev add error 1" | "target bdev add passthru 2" | "target bdev add delay 2")
		names=$(_weft_names "target bdev list" name)
		;;
	"target bdev add "*) ;;
	"target ns host "*" 3") list= ;;
	"target bdev "*" 1" | "target ns add 2") names=$(_weft_names "target bdev list" name) ;;
	"target rpc 1") names=$(weft target rpc rpc_get_methods 2> /dev/null | tr -d '[]", ') ;;
	"target subsystem add"*) ;;
	"target host limit 1") names=$(_weft_hosts) ;;
	"target subsystem "*" 1" | "target ns "*" 1" | "target listener "*" 1" | \
		"target host "*" 1" | "target controllers 1" | "target queues 1")
		names=$(_weft_names "target subsystem list" nqn)
		;;
	esac
	if [[ -n $names ]]; then
		_weft_offer "$names"
	else
		mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
	fi
}

complete -F _weft weft
