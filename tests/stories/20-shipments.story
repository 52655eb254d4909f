# Papers and results by post. Each story is named after what it mends in the field.

story: delivered by a call, confirmed by asking, and only then told
  with desk myvnpost subscriber
  desk orders order.json -> 202
  myvnpost heard 1 orders, 0 doubled
  subscriber told nothing
  after 1m
  myvnpost advance H99.07-261001-0042/R1 6
  myvnpost advance H99.07-261001-0042/R1 14
  # A call proves nothing: it is a reason to ask at once.
  myvnpost calls
  stations RETURN/1 PICKED_UP, RETURN/1 DELIVERED
  subscriber told CREATED, PICKED_UP, DELIVERED
  subscriber heard 3 facts, 0 forged, 0 repeated
  # The portal hears of a returned result from the one-stop-shop, and not from here.
  portal heard 0 calls
  open 0

story: a call that nobody confirms delivers nothing
  with desk myvnpost subscriber
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost always 503
  myvnpost calls
  stations none
  subscriber told nothing
  myvnpost always ok
  after 1m
  stations RETURN/1 CREATED, RETURN/1 DELIVERED
  subscriber told CREATED, DELIVERED

story: duplicate orders on retry: the answer is lost, the second answer is 101, and there is one order
  with desk hcc subscriber
  hcc answers lost-after
  desk orders order.json -> 202
  after 1m
  hcc heard 1 orders, 1 doubled
  timeline accepted, queued, peer-away, peer-back, delivered
  # Said again by the counter it is the same order still.
  desk orders order.json -> 202 true
  # With another note it is another one, and the carrier will not take that under the number: a person is told.
  desk orders order.json with note=Gấp -> 202 false
  after 1m
  hcc heard 1 orders, 1 doubled
  dead-letters 1

story: tracking never comes back: the feed is read once for all dossiers, and goes on where it stopped
  with desk hcc subscriber
  desk orders order.json with dossier.code=H99.07-261001-0001 -> 202
  desk orders order.json with dossier.code=H99.07-261001-0002 -> 202
  hcc advance H99.07-261001-0001/R1 4
  hcc advance H99.07-261001-0002/R1 4
  after 10m
  stations H99.07-261001-0001 RETURN/1 DELIVERED
  stations H99.07-261001-0002 RETURN/1 DELIVERED
  subscriber told DELIVERED, DELIVERED
  restart
  after 1h
  subscriber told DELIVERED, DELIVERED
  subscriber heard 2 facts, 0 repeated

story: a page of the feed is lost on the way; it is read again, and nothing counts twice
  with desk hcc subscriber
  desk orders order.json -> 202
  hcc advance H99.07-261001-0042/R1 4
  hcc answers lost-after
  after 6m
  subscriber told DELIVERED
  restart
  after 10m
  subscriber told DELIVERED
  open 0

story: out-of-order pushes show no wrong state
  with desk ems subscriber
  desk orders order.json -> 202
  after 1h
  ems advance H99.07-261001-0042/R1 4
  ems late H99.07-261001-0042/R1 2
  ems calls
  stations RETURN/1 IN_TRANSIT
  subscriber told CREATED, IN_TRANSIT

story: the same change told twice, under another transaction
  with desk ems subscriber
  desk orders order.json -> 202
  ems advance H99.07-261001-0042/R1 4
  ems duplicate
  ems calls
  after 1h
  stations RETURN/1 IN_TRANSIT
  subscriber told CREATED, IN_TRANSIT
  subscriber heard 2 facts, 0 repeated

story: one message dated in the future does not freeze a shipment
  with desk myvnpost subscriber
  desk orders order.json -> 202
  after 1m
  myvnpost future-dated H99.07-261001-0042/R1 10
  myvnpost calls
  alerts RETURN/1 future-dated
  myvnpost advance H99.07-261001-0042/R1 12
  myvnpost calls
  # Asked at once, but never more often than each ten seconds: calls are made by anybody.
  after 1m
  stations RETURN/1 CREATED, RETURN/1 OUT_FOR_DELIVERY
  subscriber told CREATED, OUT_FOR_DELIVERY

story: a code that no list knows is never guessed from the words beside it
  with desk hcc subscriber
  desk orders order.json -> 202
  hcc advance H99.07-261001-0042/R1 91
  after 5m
  stations none
  alerts RETURN/1 unknown-code
  subscriber told nothing

story: what is told of an item before it is known is kept, and found
  with desk hcc subscriber
  # The carrier's clerk was quicker than the counter's software.
  hcc advance H99.07-261001-0042/R1 4
  after 10m
  subscriber told nothing
  desk orders order.json -> 202
  stations RETURN/1 DELIVERED
  subscriber told DELIVERED

story: one unreadable record stops no feed
  with desk hcc subscriber
  desk orders order.json -> 202
  hcc bad-record
  hcc advance H99.07-261001-0042/R1 4
  after 10m
  stations RETURN/1 DELIVERED
  subscriber told DELIVERED
  hcc is up

story: the carrier is away and comes back; nothing is asked in a storm, and nothing is missed
  with desk hcc subscriber
  desk orders order.json -> 202
  hcc advance H99.07-261001-0042/R1 4
  hcc always 503
  after 3h
  hcc is away
  subscriber told nothing
  hcc always ok
  after 1m
  hcc is up
  subscriber told DELIVERED

story: a cancellation that waits for approval is not yet one
  with desk myvnpost subscriber
  desk orders order.json -> 202
  after 1m
  myvnpost advance H99.07-261001-0042/R1 6
  myvnpost calls
  desk cancels cancel.json -> 202
  myvnpost heard 1 cancelling
  stations RETURN/1 PICKED_UP, RETURN/1 CANCEL_PENDING
  after 1h
  myvnpost advance H99.07-261001-0042/R1 22
  myvnpost calls
  stations RETURN/1 PICKED_UP, RETURN/1 CANCEL_PENDING, RETURN/1 CANCELLED
  subscriber told CREATED, PICKED_UP, CANCEL_PENDING, CANCELLED

story: a second shipment only when it is asked for
  with desk myvnpost subscriber
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 19
  myvnpost calls
  after 1h
  myvnpost heard 1 orders
  desk orders order.json with shipment=2 -> 202
  myvnpost heard 2 orders
  myvnpost advance H99.07-261001-0042/R2 14
  myvnpost calls
  after 1h
  stations RETURN/1 CREATED, RETURN/1 RETURNED, RETURN/2 CREATED, RETURN/2 DELIVERED
  subscriber told CREATED, RETURNED, CREATED, DELIVERED

story: both ways of one dossier never meet
  with desk myvnpost subscriber
  desk orders order.json with leg=COLLECT -> 202
  desk orders order.json -> 202
  myvnpost heard 2 orders
  myvnpost advance H99.07-261001-0042/C1 14
  myvnpost calls
  stations COLLECT/1 CREATED, COLLECT/1 DELIVERED
  subscriber told CREATED, DELIVERED

story: money that comes after delivery does not undo it
  with desk myvnpost subscriber
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost advance H99.07-261001-0042/R1 21
  myvnpost calls
  after 1h
  stations RETURN/1 CREATED, RETURN/1 DELIVERED
  subscriber told CREATED, DELIVERED

story: open shipments are asked about although nobody calls
  with desk myvnpost subscriber
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 10
  after 3h
  subscriber told CREATED, IN_TRANSIT
  myvnpost advance H99.07-261001-0042/R1 14
  after 3h
  subscriber told CREATED, IN_TRANSIT, DELIVERED

story: software that cannot be told of a returned result: the gateway reports it
  with desk myvnpost subscriber
  given shipments report_directly = ["000.00.00.H99"]
  relay sends dossier-recorded dossier.json with MaHoSo=H99.07-261001-0042, TrangThaiHoSo=9 -> 0
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost calls
  portal steps H99.07-261001-0042 10
  subscriber told CREATED, DELIVERED

story: a session at the carrier ends between two questions
  with desk hcc subscriber
  desk orders order.json -> 202
  hcc expire-sessions
  hcc advance H99.07-261001-0042/R1 4
  after 10m
  subscriber told DELIVERED

story: what it would cost is answered while somebody waits, and kept nowhere
  with desk hcc
  desk asks price.json -> 200 fee
  hcc always 503
  desk asks price.json -> 503
  open 0
