"""An unmodified suds, which is another reader of WSDL than zeep, asks under our description in SOAP 1.1."""

import sys

import suds
from suds.client import Client

wsdl, key, procedure, dossier, number, name = sys.argv[1:]
client = Client(wsdl, headers={"X-Api-Key": key}, timeout=10, cache=None)
first = client.wsdl.services[0].ports[0].name
client.set_options(port=first)
question = {
    "MaDVC": procedure,
    "MaHoSo": dossier,
    "TaiKhoan": "canbo.thu",
    "SoDinhDanh": number,
    "HoVaTen": name,
    "NgaySinh": "1985-01-02",
}
found = client.service.TraCuuCongDan(**question)
assert found.KetQua == "found" and found.CongDan[0].SoDinhDanh == number, found
assert client.service.XacThucCongDan(**question).KetQua == "match"
try:
    client.service.TraCuuCongDan(**{**question, "MaDVC": "2.000001"})
    raise AssertionError("a procedure without a licence was answered")
except suds.WebFault as fault:
    assert "licence.procedure" in str(fault.document.str()), fault
print("all as described")
