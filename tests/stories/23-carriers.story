# What carriers do otherwise than one thinks. Each story is named after what it mends in the field.

story: whose address nobody asked to be listed calls in vain, and is asked all the same
  with desk myvnpost subscriber
  given myvnpost door.addresses = ["203.0.113.0/24"]
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost calls 401
  subscriber told nothing
  after 3h
  subscriber told CREATED, DELIVERED

story: "sent" is not said of an order whose answer said no
  with desk hcc subscriber
  given hcc settings.customer_code = ""
  desk orders order.json -> 202
  hcc heard 0 orders
  timeline accepted, queued, dead-letter
  dead-letters 1
  subscriber told nothing

story: one bad record in a batch does not stop those after it
  with desk myvnpost subscriber
  desk orders order.json with dossier.code=H99.07-261001-0001 -> 202
  desk orders order.json with dossier.code=H99.07-261001-0002 -> 202
  myvnpost advance H99.07-261001-0001/R1 10
  myvnpost bad-record
  myvnpost advance H99.07-261001-0002/R1 14
  myvnpost calls 400
  after 1m
  stations H99.07-261001-0001 RETURN/1 IN_TRANSIT
  stations H99.07-261001-0002 RETURN/1 CREATED, RETURN/1 DELIVERED

story: an address of two levels, as it is since July 2025
  with desk myvnpost subscriber
  desk orders order.json with receiver.address.district=null -> 202
  myvnpost heard 1 orders
  open 0

story: one token for many calls, and a call that hangs holds nobody for ever
  with desk hcc subscriber
  hcc answers slow
  desk orders order.json with dossier.code=H99.07-261001-0001 -> 202
  desk orders order.json with dossier.code=H99.07-261001-0002 -> 202
  after 5m
  hcc heard 2 orders, 1 tokens
  open 0

story: what is hidden behind crosses never takes the place of what is known
  with desk myvnpost subscriber
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 6
  myvnpost calls
  changes receiver.name masked: left out: part of it is hidden, receiver.phone masked: left out: part of it is hidden
