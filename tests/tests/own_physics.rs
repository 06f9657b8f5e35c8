//! The example with an equation of its own: it learns the constants, and its filter knows the velocity.

use dvbf_tests::project;

#[test]
fn an_equation_of_another_program_is_learned_saved_loaded_and_filtered_with() {
    let folder = tempfile::tempdir().unwrap();
    let output = project("own-physics").arg(folder.path().join("model.dvbf")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = |name: &str, after: &str| -> f64 {
        let line = told.lines().find(|line| line.starts_with(name)).unwrap();
        let (_, rest) = line.split_once(after).unwrap();
        rest.split([' ', ',']).next().unwrap().parse().unwrap()
    };
    // Where learning starts is 0.4, 2 and 0.5.
    for (name, truth, tolerance) in
        [("damping", 1.0, 0.35), ("stiffness", 1.5, 0.2), ("control_gain", 1.0, 0.15)]
    {
        let learned = number(name, "learned ");
        assert!((learned - truth).abs() < tolerance, "{told}");
    }
    // The velocity has a standard deviation of about 1.7 m/s.
    assert!(number("velocity", "error ") < 0.35, "{told}");
}
