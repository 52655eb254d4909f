# Whoever subscribed: told once, under one id, however often it takes.

story: a subscriber that is away is told everything when it is back
  with desk hcc subscriber
  subscriber always 503
  desk orders order.json with dossier.code=H99.07-261001-0001 -> 202
  hcc advance H99.07-261001-0001/R1 4
  after 4h
  subscriber is away
  dead-letters 0
  subscriber always ok
  after 1m
  subscriber told DELIVERED

story: an answer that is lost: told again under the same id
  with desk hcc subscriber
  subscriber answers lost-after
  desk orders order.json with dossier.code=H99.07-261001-0001 -> 202
  hcc advance H99.07-261001-0001/R1 4
  after 10m
  subscriber heard 1 facts, 1 repeated, 0 forged
  open 0

story: a fact that is turned away is tried for three days, holds up no other, and then waits for a person
  with desk hcc subscriber
  subscriber always-answer 422
  desk orders order.json with dossier.code=H99.07-261001-0001 -> 202
  hcc advance H99.07-261001-0001/R1 4
  after 70h
  dead-letters 0
  after 12h
  dead-letters 1
  subscriber take
  desk orders order.json with dossier.code=H99.07-261001-0002 -> 202
  hcc advance H99.07-261001-0002/R1 4
  after 10m
  subscriber told DELIVERED
  redeliver H99.07-261001-0001
  subscriber heard 2 facts, 0 repeated

story: gone is gone
  with desk hcc subscriber
  subscriber always-answer 410
  desk orders order.json with dossier.code=H99.07-261001-0001 -> 202
  hcc advance H99.07-261001-0001/R1 4
  after 10m
  dead-letters 1
  subscriber heard 1 calls

story: a subscriber that lost its records is told everything once more, under the same ids
  with desk hcc subscriber
  desk orders order.json with dossier.code=H99.07-261001-0001 -> 202
  desk orders order.json with dossier.code=H99.07-261001-0002 -> 202
  hcc advance H99.07-261001-0001/R1 4
  hcc advance H99.07-261001-0002/R1 4
  after 10m
  subscriber heard 2 facts, 0 repeated
  replay subscriber
  subscriber heard 2 facts, 2 repeated, 0 forged
  open 0
