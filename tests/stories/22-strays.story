# Papers and results that go astray. Each story is named after what it mends.

story: the carrier calls about an order whose answer nobody has read yet
  with desk myvnpost subscriber
  myvnpost always 400
  desk orders order.json -> 202
  dead-letters 1
  # Nobody can be asked about it yet, and the gateway rests until somebody can.
  myvnpost advance H99.07-261001-0042/R1 6
  myvnpost calls
  stations RETURN/1 PICKED_UP
  subscriber told nothing
  myvnpost always ok
  redeliver H99.07-261001-0042
  myvnpost heard 1 orders
  # Now it can be asked, and is at once.
  after 1m
  subscriber told CREATED

story: one item that the carrier chokes on keeps no other from being asked about
  with desk ems subscriber
  desk orders order.json with dossier.code=H99.07-261001-0001 -> 202
  desk orders order.json with dossier.code=H99.07-261001-0002 -> 202
  after 1m
  ems chokes H99.07-261001-0001/R1
  ems advance H99.07-261001-0002/R1 4
  after 3h
  subscriber told CREATED, IN_TRANSIT

story: a status written as a number with a point is the same status
  with desk hcc subscriber
  hcc writes-points
  desk orders order.json -> 202
  after 1m
  hcc heard 1 orders
  hcc advance H99.07-261001-0042/R1 4
  after 10m
  stations RETURN/1 DELIVERED
  subscriber told DELIVERED

story: what was cancelled is not ordered again under its number
  with desk hcc
  desk orders order.json -> 202
  desk cancels cancel.json -> 202
  after 1m
  stations RETURN/1 CANCELLED
  desk orders order.json with note=Gấp -> 202
  after 1m
  hcc heard 1 orders, 0 doubled
  dead-letters 1
  desk orders order.json with shipment=2 -> 202
  after 1m
  hcc heard 2 orders

story: an order that could not be read at the door is tracked like any other
  with desk hcc subscriber
  overlay mappings/postal/codes/leg.yaml list: postal/leg\ntitle: x\nsource: mappings/postal/SOURCE.md\nvalues: { "COLLECT": COLLECT }\nunknown: hold\n
  restart
  desk orders order.json -> 202
  dead-letters 1
  overlay mappings/postal/codes/leg.yaml list: postal/leg\ntitle: x\nsource: mappings/postal/SOURCE.md\nvalues: { "RETURN": RETURN }\nunknown: refuse\n
  restart
  dead-letters 0
  hcc heard 1 orders
  hcc advance H99.07-261001-0042/R1 4
  after 10m
  stations RETURN/1 DELIVERED
  subscriber told DELIVERED

story: a shipment number that no letter could have is refused
  with desk hcc
  desk orders order.json with shipment=4294967296 -> 400 shipment
  desk orders order.json with shipment=0 -> 400 shipment
  desk orders order.json with shipment=-1 -> 400 shipment
  desk orders order.json with shipment=1.5 -> 400 shipment
  desk orders order.json with shipment="0" -> 400 shipment
  desk cancels cancel.json with shipment=0 -> 400 shipment
  hcc heard 0 orders
