# What carriers do otherwise than one thinks. Each story is named after what it mends in the field.

story: whose address nobody asked to be listed calls in vain, and is asked all the same
  with desk myvnpost subscriber
  given myvnpost door.addresses = ["203.0.113.0/24"]
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost calls 403
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
  given hcc answer_ms_max = 2000
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

story: a lost answer where no document says that a second order is refused: a person looks, and nothing is ordered twice
  with desk ems subscriber
  ems answers lost-after
  desk orders order.json -> 202
  after 2d
  ems heard 1 orders, 0 doubled
  dead-letters 1
  settle H99.07-261001-0042 happened
  dead-letters 0
  open 0

story: an order said again is not ordered twice where the carrier would take it twice
  with desk ems subscriber
  desk orders order.json -> 202
  desk orders order.json with note=Gấp -> 202
  after 1m
  ems heard 1 orders, 0 doubled
  dead-letters 1
  desk orders order.json with shipment=2 -> 202
  ems heard 2 orders, 0 doubled

story: another address under the number that is taken is not passed off as carried there
  with desk hcc
  desk orders order.json -> 202
  desk orders order.json with receiver.address.detail=Thôn Mẫu 9 -> 202
  after 1m
  hcc heard 1 orders, 0 doubled
  dead-letters 1

story: a second end of an earlier day does not take back the end that was told
  with desk myvnpost subscriber
  desk orders order.json -> 202
  after 3h
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost calls
  subscriber told CREATED, DELIVERED
  myvnpost late H99.07-261001-0042/R1 19
  myvnpost calls
  after 1m
  alerts RETURN/1 two-ends
  stations RETURN/1 CREATED, RETURN/1 DELIVERED
  subscriber told CREATED, DELIVERED

story: the counter's software orders, and is told when the result is in the citizen's hands
  with desk hcc
  given desk receives = ["postal-status-changed"]
  desk orders order.json -> 202
  hcc advance H99.07-261001-0042/R1 4
  desk answers 503
  after 10m
  desk told DELIVERED
  desk heard 1 facts, 0 repeated
  stations RETURN/1 DELIVERED
  # The last step of the dossier is the counter's to say: it alone knows that, and the portal hears of it from there.
  portal heard 0 calls
  open 0

story: a shipment of which nobody hears any more is asked about for sixty days, and then left to a person
  with desk myvnpost subscriber
  desk orders order.json -> 202
  after 59d
  alerts none
  after 3d
  alerts RETURN/1 stale
  myvnpost heard 95 calls
  after 30d
  myvnpost heard 95 calls
  # Whoever speaks of it wakes it.
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost calls
  subscriber told CREATED, DELIVERED
