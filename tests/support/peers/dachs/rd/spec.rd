<resource schema="spec" resdir="spec">
  <meta name="creationDate">2026-11-22T00:00:00Z</meta>
  <meta name="title">ESAP Test Spectra</meta>
  <meta name="description">Synthetic stellar spectra.</meta>
  <meta name="subject">stellar-spectral-lines</meta>
  <meta name="creator">Tester, T.</meta>
  <meta name="instrument">TESTSPEC</meta>
  <meta name="facility">ESAP Test Telescope</meta>
  <meta name="type">Archive</meta>
  <meta name="coverage.waveband">Optical</meta>
  <meta name="ssap.dataSource">pointed</meta>
  <meta name="ssap.creationType">archival</meta>
  <meta name="productType">spectrum</meta>
  <meta name="ssap.testQuery">MAXREC=1</meta>
  <table id="raw_data" onDisk="True" adql="hidden" namePath="//ssap#instance">
    <LOOP listItems="ssa_dateObs ssa_dstitle ssa_targname ssa_length ssa_timeExt ssa_specstart ssa_specend">
      <events><column original="\item"/></events>
    </LOOP>
    <mixin>//products#table</mixin>
    <mixin>//ssap#plainlocation</mixin>
    <mixin>//ssap#simpleCoverage</mixin>
    <FEED source="//scs#splitPosIndex" long="degrees(long(ssa_location))" lat="degrees(lat(ssa_location))"/>
    <column name="datalink" type="text" ucd="meta.ref.url" tablehead="Datalink"
      description="A link to a datalink document for this spectrum." verbLevel="15" displayHint="type=url">
      <property name="targetType">application/x-votable+xml;content=datalink</property>
      <property name="targetTitle">Datalink</property>
    </column>
  </table>
  <data id="import">
    <recreateAfter>make_view</recreateAfter>
    <sources pattern="data/*.txt"/>
    <embeddedGrammar>
      <iterator><code>
        with open(self.sourceToken) as f:
          _, ra, dec, name, date, texp = f.readline().split()
          wls = [float(l.split()[0]) for l in f]
        yield {"ra": float(ra), "dec": float(dec), "name": name, "date": date, "texp": float(texp),
          "n": len(wls), "wl0": wls[0]*1e-10, "wl1": wls[-1]*1e-10}
      </code></iterator>
      <rowfilter procDef="//products#define">
        <bind key="table">"\schema.raw_data"</bind>
        <bind key="path">\fullDLURL{sdl}</bind>
        <bind key="fsize">22000</bind>
        <bind key="datalink">"\rdId#sdl"</bind>
        <bind key="mime">"application/x-votable+xml"</bind>
      </rowfilter>
    </embeddedGrammar>
    <make table="raw_data"><rowmaker idmaps="*">
      <apply procDef="//ssap#fill-plainlocation">
        <bind key="ra">@ra</bind><bind key="dec">@dec</bind><bind key="aperture">1/3600.</bind>
      </apply>
      <map key="ssa_dateObs">dateTimeToMJD(parseTimestamp(@date, "%Y-%m-%dT%H:%M:%S"))</map>
      <map key="ssa_dstitle">"ESAPT spectrum of {}".format(@name)</map>
      <map key="ssa_targname">@name</map>
      <map key="ssa_specstart">@wl0</map>
      <map key="ssa_specend">@wl1</map>
      <map key="ssa_length">@n</map>
      <map key="ssa_timeExt">@texp</map>
      <map key="datalink">\dlMetaURI{sdl}</map>
    </rowmaker></make>
  </data>
  <table id="data" onDisk="True" adql="True">
    <meta name="_associatedDatalinkService">
      <meta name="serviceId">sdl</meta>
      <meta name="idColumn">ssa_pubDID</meta>
    </meta>
    <mixin sourcetable="raw_data" copiedcolumns="*" ssa_aperture="1/3600." ssa_fluxunit="''"
      ssa_spectralunit="'Angstrom'" ssa_bandpass="'Optical'" ssa_collection="'ESAPT spec'"
      ssa_fluxcalib="'RELATIVE'" ssa_fluxucd="'phot.flux.density;em.wl'" ssa_speccalib="'ABSOLUTE'"
      ssa_spectralucd="'em.wl'" ssa_targclass="'star'">//ssap#view</mixin>
    <mixin calibLevel="2" coverage="ssa_region" sResolution="ssa_spaceres" oUCD="ssa_fluxucd"
      emUCD="ssa_spectralucd">//obscore#publishSSAPMIXC</mixin>
  </table>
  <data id="make_view" auto="False"><make table="data"/></data>
  <coverage><updater sourceTable="data" mocOrder="4"/></coverage>
  <table id="instance" onDisk="False">
    <mixin ssaTable="data" spectralDescription="Wavelength" fluxDescription="Relative flux">//ssap#sdm-instance</mixin>
    <meta name="description">A synthetic spectrum</meta>
  </table>
  <data id="build_spectrum">
    <embeddedGrammar><iterator>
      <setup imports="os, urllib.parse"/>
      <code>
        sourcePath = os.path.join(base.getConfig("inputsDir"),
          urllib.parse.unquote(self.sourceToken["ssa_pubDID"].split('?', 1)[-1]))
        with open(sourcePath) as f:
          for ln in f:
            if not ln.startswith("#"):
              a, b = ln.split()
              yield {"spectral": float(a), "flux": float(b)}
      </code>
    </iterator></embeddedGrammar>
    <make table="instance"><parmaker><apply procDef="//ssap#feedSSAToSDM"/></parmaker></make>
  </data>
  <service id="sdl" allowed="dlget,dlmeta">
    <meta name="title">ESAPT spectrum datalink</meta>
    <datalinkCore>
      <descriptorGenerator procDef="//soda#sdm_genDesc"><bind key="ssaTD">"\rdId#data"</bind></descriptorGenerator>
      <dataFunction procDef="//soda#sdm_genData"><bind key="builder">"\rdId#build_spectrum"</bind></dataFunction>
      <FEED source="//soda#sdm_plainfluxcalib"/>
      <FEED source="//soda#sdm_cutout"/>
      <FEED source="//soda#sdm_format"/>
    </datalinkCore>
  </service>
  <service id="ssa" allowed="form,ssap.xml">
    <meta name="shortName">ESAPT SSA</meta>
    <meta name="ssap.complianceLevel">full</meta>
    <publish render="ssap.xml" sets="ivo_managed"/>
    <ssapCore queriedTable="data"><FEED source="//ssap#hcd_condDescs"/></ssapCore>
  </service>
</resource>
