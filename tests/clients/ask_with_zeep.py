"""An unmodified zeep asks under our description, in SOAP 1.1 and 1.2, and understands answers and faults."""

import sys

import requests
import zeep
from zeep.transports import Transport

wsdl, key, procedure, dossier, number, name = sys.argv[1:]
session = requests.Session()
session.headers["X-Api-Key"] = key
client = zeep.Client(wsdl, transport=Transport(session=session, timeout=10))
question = {
    "MaDVC": procedure,
    "MaHoSo": dossier,
    "TaiKhoan": "canbo.thu",
    "SoDinhDanh": number,
    "HoVaTen": name,
    "NgaySinh": "1985-01-02",
}
ports = list(client.wsdl.services.values())[0].ports
assert len(ports) == 2, f"a port for each version of SOAP: {list(ports)}"
for port in ports:
    service = client.bind(port_name=port)
    found = service.TraCuuCongDan(**question)
    assert found.KetQua == "found" and len(found.CongDan) == 1, found
    person = found.CongDan[0]
    assert person.SoDinhDanh == number and person.HoVaTen.DayDu, person
    assert person.TonGiao is None and person.Cha is None, "not told by default"
    assert service.XacThucCongDan(**question).KetQua == "match"
    assert service.TraCuuCongDan(**{**question, "HoVaTen": "Lê Thị Không"}).KetQua == "not-found"
    try:
        service.TraCuuCongDan(**{**question, "MaDVC": "2.000001"})
        raise AssertionError("a procedure without a licence was answered")
    except zeep.exceptions.Fault as fault:
        assert "licence.procedure" in zeep.wsdl.utils.etree_to_string(fault.detail).decode(), fault
    print(port, "as described")
print("all as described")
