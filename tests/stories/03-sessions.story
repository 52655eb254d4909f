# Sessions at the portal: one for each account, renewed once, never a reason to lose a message.

story: the session expires in mid-conversation
  relay sends dossier-recorded dossier.json -> 0
  portal expire-sessions
  relay sends dossier-progressed step.json -> 0
  portal heard 2 log-ins, 1 step, 0 doubled
  timeline accepted, queued, delivered, accepted, queued, delivered

story: the portal forgets sessions sooner than we think
  given simulator session_seconds = 60
  relay sends dossier-recorded dossier.json -> 0
  after 2m
  relay sends dossier-progressed step.json -> 0
  portal heard 2 log-ins, 1 step

story: a session is renewed before its time is over
  relay sends dossier-recorded dossier.json -> 0
  after 11m
  relay sends dossier-progressed step.json -> 0
  portal heard 2 log-ins, 2 calls

story: all lanes are refused at once and log in once
  relay sends 20 dossier-recorded dossier.json from H99.14-261123-1000 -> 0
  portal heard 1 log-in
  portal always 503
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-2000 -> 0
  relay sends 20 dossier-progressed step.json from H99.14-261123-1000 -> 0
  portal expire-sessions
  portal always ok
  after 1m
  portal heard 21 dossiers, 20 steps, 0 doubled, 2 log-ins

story: two units with accounts of their own hold two sessions
  given portal settings.accounts."000.01.14.H99" = { username = "so-thu.h99.example" }
  given portal keys."000.01.14.H99/password" = { file = "{folder}/portal.password" }
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001 -> 0
  portal heard 1 log-in
  relay sends dossier-recorded dossier.json of 000.01.14.H99 with MaHoSo=H99.14-261123-0002 -> 0
  portal heard 2 log-ins
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261123-0001 -> 0
  relay sends dossier-progressed step.json of 000.01.14.H99 with MaHoSo=H99.14-261123-0002 -> 0
  portal heard 2 log-ins, 2 dossiers, 2 steps

story: a wrong password is not tried once for each message, and loses none
  given simulator password = "khac"
  relay sends 10 dossier-recorded dossier.json from H99.14-261123-1000 -> 0
  after 10m
  open 10
  dead-letters 0
  # At 0, 1, 3, 7, 15, 31, 63 seconds, then each minute.
  portal heard 15 log-ins, 0 dossiers
