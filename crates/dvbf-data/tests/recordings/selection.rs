//! Which files are meant.

use crate::bytes::{archive, floats};
use dvbf_data::{Columns, Frames, find_files, read_files};
use std::fs;

#[test]
fn folders_patterns_and_lists_name_files_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for name in ["b.csv", "a.csv", "c.CSV", "note.txt", "odd[1].csv"] {
        fs::write(at(name), "x\n1\n2\n").unwrap();
    }
    fs::create_dir(at("empty")).unwrap();
    let names = |given: &[String]| -> Result<Vec<String>, String> {
        let found = find_files(given).map_err(|e| e.to_string())?;
        Ok(found.iter().map(|p| p.file_name().unwrap().to_string_lossy().into()).collect())
    };
    let whole = folder.path().display().to_string();
    assert_eq!(names(&[whole]).unwrap(), ["a.csv", "b.csv", "c.CSV", "odd[1].csv"]);
    assert_eq!(names(&[at("[ab].csv")]).unwrap(), ["a.csv", "b.csv"]);
    assert_eq!(names(&[at("b.csv"), at("a.csv")]).unwrap(), ["b.csv", "a.csv"], "as given");
    assert_eq!(names(&[at("odd[1].csv")]).unwrap(), ["odd[1].csv"], "a file by its own name");
    assert!(names(&[at("*.tsv")]).unwrap_err().contains("*.tsv matches no file"));
    assert!(
        names(&[at("empty")]).unwrap_err().contains("empty holds no recordings, which end with")
    );
    assert!(names(&[at("a.csv"), at("?.csv")]).unwrap_err().contains("a.csv is given twice"));
    assert!(names(&[at("a[.csv")]).unwrap_err().contains("not a pattern"));
    assert!(names(&[]).unwrap_err().contains("no file"));
}

#[test]
fn what_a_file_is_shows_in_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let zip = write("data.bin", &archive(&[("x.npy", floats("(1, 2)", &[1., 2.]))]));
    let table = write("walk.csv", b"x\n1\n2\n");
    let single = write("x.npy", &floats("(1, 2)", &[1., 2.]));
    let odd = write("odd.npz", b"x\n1\n2\n");
    let none = Columns::default();
    let read = |paths: &[_], columns: &Columns| {
        read_files(paths, columns, &Frames::default()).map_err(|e| e.to_string())
    };
    let (zip, table) = (&[zip][..], &[table][..]);
    assert_eq!(read(zip, &none).unwrap().steps(), 2);
    assert_eq!(read(table, &none).unwrap().steps(), 2);
    let error = read(&[table, zip].concat(), &none).unwrap_err();
    assert!(error.contains("data.bin") && error.contains("no other file"), "{error}");
    assert!(read(&[single], &none).unwrap_err().contains("numpy.savez"));
    assert!(read(&[odd], &none).unwrap_err().contains("odd.npz is not an archive"));
    let columns = Columns { observe: vec!["a".into()], ..none };
    assert!(read(zip, &columns).unwrap_err().contains("columns"));
    let error = read(&[folder.path().join("gone.csv")], &columns).unwrap_err();
    assert!(error.contains("gone.csv"), "{error}");
}
