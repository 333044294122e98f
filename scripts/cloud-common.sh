# shellcheck shell=bash
# What the cloud scripts share; they source it from the repository's folder.
#
#   bash scripts/NAME.sh shoppers|songs [--dry-run] [options] [-- flags of the trainer]
#
# --dry-run prints the commands instead of running them.

name="$(basename "$0" .sh)"
# shellcheck source=scripts/cloud-settings.sh
source scripts/cloud-settings.sh

fail() {
  echo "$name: $*" >&2
  exit 1
}

# Usage of the script: the comment at its head.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "scripts/$name.sh"
}

# need VARIABLE...: each must have a value.
need() {
  local variable
  for variable in "$@"; do
    if [[ -z "${!variable}" ]]; then
      fail "$variable is not set; put it into scripts/cloud-settings.sh, or into the environment"
    fi
  done
  [[ "$BUCKET" == "" || "$BUCKET" == gs://?* ]] ||
    fail "BUCKET is '$BUCKET', expected gs:// and a name; fix it"
  BUCKET="${BUCKET%/}"
}

# Sets example, dry_run, the options a script knows (variables of that name), and
# trainer_flags, what comes after --.
#   parse_arguments "option other_option" "$@"
parse_arguments() {
  local known=" $1 " option
  shift
  dry_run=
  example=
  trainer_flags=()
  while (($#)); do
    case "$1" in
      --help | -h)
        usage
        exit
        ;;
      --dry-run) dry_run=1 ;;
      --)
        shift
        trainer_flags=("$@")
        break
        ;;
      --*=*)
        option="${1%%=*}"
        option="${option#--}"
        [[ "$known" == *" $option "* ]] || fail "no option --$option; see --help"
        printf -v "${option//-/_}" '%s' "${1#*=}"
        ;;
      --*)
        option="${1#--}"
        [[ "$known" == *" $option "* ]] || fail "no option --$option; see --help"
        printf -v "${option//-/_}" '%s' true
        ;;
      shoppers | songs) example="$1" ;;
      *) fail "found '$1', expected shoppers or songs; see --help" ;;
    esac
    shift
  done
  [[ -n "$example" ]] || fail "which example? name shoppers or songs; see --help"
}

# Runs a command, or prints it so that a shell would read it again.
run() {
  if [[ -n "$dry_run" ]]; then
    printf '%q ' "$@"
    printf '\n'
  else
    "$@"
  fi
}

# The trainer's own command line for the example, with data in a folder: sets command.
set_command() {
  local data="$1"
  if [[ "$example" == shoppers ]]; then
    command=(
      propensity
      --mode=train
      --schema=examples/acquire_valued_shoppers/schema.json
      --label=label
      --forward=customer_id
      "--positive_dir=$data/train/positive/*.csv"
      "--negative_dir=$data/train/negative/*.csv"
      "--test_dir=$data/dev/*.csv"
      --multiplier=1
      --weight=auto
      --num_epochs=10
    )
  else
    command=(
      recommender
      --mode=train
      --schema=examples/million_songs/schema.json
      --label=n_listens
      --user_key=user_name
      --item_key=track_id
      "--train_dir=$data/train/*.csv"
      "--test_dir=$data/test/*.csv"
      --model=two_tower
      --batch_size=512
      --num_epochs=8
    )
  fi
  command+=("${trainer_flags[@]}")
}

# A job's name: of letters, digits and underscores, and unlike any before.
new_job() {
  echo "${example}_$(date -u +%Y%m%d_%H%M%S)"
}

# The export of a job to deploy: the newest one below its folder that is whole, or, as a
# recommender's, the folder itself.
newest_export() {
  local folder="$BUCKET/jobs/$1/export/" files number
  if [[ -n "$dry_run" ]]; then
    echo "${folder}NEWEST"
    return
  fi
  files="$(gcloud storage ls "$folder**" || true)"
  if grep -qxF "${folder}saved_model.pb" <<<"$files"; then
    echo "$folder"
    return
  fi
  while read -r number; do
    # An Estimator writes it to temp-NUMBER, and moves it from there.
    if ! grep -qF "${folder}temp-$number/" <<<"$files"; then
      echo "$folder$number/"
      return
    fi
  done < <(sed -nE 's|.*/export/([0-9]+)/saved_model\.pb$|\1|p' <<<"$files" | sort -nr)
  fail "found no export in $folder; has the job ended?"
}
