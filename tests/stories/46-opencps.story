# OpenCPS, both ways: what it publishes goes to the portal, what was submitted there comes to it, and what the post confirmed is told to it
# in its own counters. Each story is named after what it mends in the field.

story: a published dossier reaches the portal, and said again it is the same dossier
  with ocps
  ocps publishes H99.14-261123-0100 processing
  ocps calls
  portal status H99.14-261123-0100 4
  portal heard 1 dossiers
  # Its outbox repeats what it got no answer for.
  ocps publishes H99.14-261123-0100 processing
  ocps calls
  portal heard 1 dossiers, 1 calls
  ocps publishes H99.14-261123-0100 done
  ocps calls
  portal status H99.14-261123-0100 10
  open 0

story: a step is informed of without the dossier, and a repeat of it is no second step
  with ocps
  ocps publishes H99.14-261123-0101 receiving
  ocps calls
  ocps informs H99.14-261123-0101 processing
  ocps calls
  after 1m
  # The same again, and later: it is dated when it was told, and that does not make it another one.
  ocps informs H99.14-261123-0101 processing
  ocps calls
  portal steps H99.14-261123-0101 4
  ocps informs H99.14-261123-0101 releasing
  ocps calls
  portal steps H99.14-261123-0101 4, 9

story: JSON and XML of one document are one dossier, and the zero day is no day
  with ocps
  # Its paper comes along, so the portal needs an address of ours for it.
  given portal public_url = "http://cong.h99.example/XrdAdapter/RestService/forward"
  ocps documents json H99.14-261123-0102 1
  ocps calls
  portal status H99.14-261123-0102 4
  ocps documents xml H99.14-261123-0102 1
  ocps calls
  # Taken for the same canonical document: nothing new goes to the portal.
  portal heard 1 dossiers, 1 calls
  ocps documents xml H99.14-261123-0102 2
  ocps calls
  portal status H99.14-261123-0102 9
  ocps traces xml H99.14-261123-0102 1
  ocps calls
  ocps traces json H99.14-261123-0102 1
  ocps calls
  portal steps H99.14-261123-0102 4
  open 0

story: one poisoned message blocks none behind it: a state that no list knows waits for the list, the next one goes
  with ocps
  ocps publishes H99.14-261123-0103 gone-fishing
  ocps calls
  dead-letters 1
  portal heard 0 dossiers
  ocps publishes H99.14-261123-0103 processing
  ocps calls
  portal status H99.14-261123-0103 4

story: the portal is away and nobody starts anything again by hand
  with ocps
  portal always 503
  ocps publishes H99.14-261123-0104 receiving
  ocps calls
  ocps informs H99.14-261123-0104 processing
  ocps calls
  after 3h
  portal heard 0 dossiers
  portal always ok
  after 2m
  portal status H99.14-261123-0104 2
  portal steps H99.14-261123-0104 4
  open 0

story: delivered by the post and confirmed, OpenCPS hears it in its own counter
  with desk myvnpost ocps
  ocps know H99.07-261001-0042
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 6
  myvnpost calls
  after 1m
  ocps told viaPostal=3, viaPostal=3
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost calls
  after 1m
  ocps told viaPostal=3, viaPostal=3, viaPostal=4
  # The portal hears of it from the one-stop-shop, and not from here.
  portal heard 0 calls
  open 0

story: a delivery that nobody confirmed is told to nobody
  with desk myvnpost ocps
  ocps know H99.07-261001-0042
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost always 503
  myvnpost calls
  ocps told nothing
  myvnpost always ok
  after 1m
  ocps told viaPostal=3, viaPostal=4

story: the answer to a counter is lost, and it is set once more to the same
  with desk myvnpost ocps
  ocps know H99.07-261001-0042
  ocps answers ok ok lost-after
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 6
  myvnpost calls
  after 2m
  # CREATED, CREATED again, PICKED_UP.
  ocps told viaPostal=3, viaPostal=3, viaPostal=3
  open 0

story: work that is taken up again after a supplement is a step again, and a repeat of it is none
  with ocps
  ocps publishes H99.14-261123-0106 receiving
  ocps calls
  ocps informs H99.14-261123-0106 processing
  ocps calls
  ocps informs H99.14-261123-0106 waiting
  ocps calls
  after 1d
  ocps informs H99.14-261123-0106 processing
  ocps calls
  after 1m
  ocps informs H99.14-261123-0106 processing
  ocps calls
  portal steps H99.14-261123-0106 4, 5, 4
  open 0
