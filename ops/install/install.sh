#!/bin/sh
# Installs the gateway from this folder, without a network: account, folders, program, service, first configuration. What is there
# already (configuration, keys, data) is left alone, so it is also the way to upgrade; it starts and stops nothing.
#
#   ./install.sh                for the whole machine (as root)
#   ./install.sh --root FOLDER  into a folder, to look at it: no account, no service started, paths inside the folder
set -eu
cd "$(dirname "$0")"

root=
case "${1:-}" in
  "") ;;
  --root) root=${2:?"--root needs a folder"}; mkdir -p "$root"; root=$(cd "$root" && pwd) ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

say() { printf '%s\n' "$*"; }
stop() { printf 'install.sh: %s\n' "$*" >&2; exit 3; }

sha256sum --check --quiet SHA256SUMS || stop "gói bị hỏng hoặc bị sửa: chép lại gói (the package is damaged: copy it again)"
bin/lienthong --version >/dev/null ||
  stop "chương trình không chạy được trên máy này, xem tệp BUILD (the program does not run on this machine, see the file BUILD)"
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || stop "cần quyền root (must be run as root)"

etc=$root/etc/lienthong
config=$etc/lienthong.toml
program=$root/usr/local/bin/lienthong
share=$root/usr/local/share/lienthong

if [ -z "$root" ] && ! getent passwd lienthong >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/lienthong --no-create-home --shell /usr/sbin/nologin lienthong
  say "+ account lienthong"
fi

upgrade=
if [ -x "$program" ]; then
  upgrade=yes
  # To go back: put it in its place again.
  cp -p "$program" "$program.previous"
fi
install -d -m 0755 "$(dirname "$program")" "$share" "$root/etc/systemd/system"
# Under another name first: a program that runs cannot be written over, and no moment is without one.
install -m 0755 bin/lienthong "$program.new"
mv "$program.new" "$program"
cp -R share/. "$share/"
install -m 0644 lienthong.service "$root/etc/systemd/system/lienthong.service"
say "+ $program"

secret=$etc/portal.password
if [ ! -e "$config" ]; then
  if [ -n "$root" ]; then "$program" init --folder "$etc"; else "$program" init; fi
  # A service has no terminal to be given a variable by; an empty file is said by `check`.
  sed -i "s|{ env = \"LIENTHONG_PORTAL_PASSWORD\" }|{ file = \"$secret\" }|" "$config"
  (umask 077 && : >"$secret")
  say "+ $secret"
fi
if [ -z "$root" ]; then
  chown root:lienthong "$etc" "$config"
  chmod 0750 "$etc"
  chmod 0640 "$config"
  for own in "$etc/sealing.key" "$secret"; do
    [ ! -e "$own" ] || { chown lienthong:lienthong "$own" && chmod 0600 "$own"; }
  done
  chown lienthong:lienthong /var/lib/lienthong
  systemctl daemon-reload 2>/dev/null || true
fi

say ""
if [ -n "$upgrade" ]; then
  say "Đã nâng cấp chương trình; bản cũ ở $program.previous. Tiếp theo:"
  say "  sudo -u lienthong lienthong check && systemctl restart lienthong && sudo -u lienthong lienthong doctor"
  say "(Upgraded; then as above. Messages that wait are kept.)"
else
  say "Đã cài xong. Tiếp theo (next):"
  say "  1. $config: địa chỉ Cổng DVCQG, mã đơn vị (the portal's address, unit codes)"
  say "  2. $secret: mật khẩu đăng nhập Cổng DVCQG, một dòng (the portal's password, one line)"
  say "  3. cất một bản $etc/sealing.key ở nơi khác (keep a copy of the key elsewhere)"
  say "  4. sudo -u lienthong lienthong check; sudo -u lienthong lienthong doctor"
  say "  5. systemctl enable --now lienthong"
  say "  6. sudo -u lienthong lienthong keys add mot-cua"
fi
